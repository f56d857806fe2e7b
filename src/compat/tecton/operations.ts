/**
 * What the platform's routes take and answer, for the OpenAPI document: members by the spelling of
 * its documentation, though both are taken.
 */
import {
  anyOf,
  anything,
  flag,
  list,
  map,
  number,
  object,
  oneOf,
  openObject,
  text,
  whole,
  type Schema,
} from '../../serve/json-schema.ts'
import { json, type Operation } from '../../serve/operation.ts'

const refusalMembers = { error: text, code: whole, message: text }
const refusal = object(refusalMembers)

const target = {
  workspaceName: text,
  featureServiceName: text,
  featureServiceId: text,
  featureViewName: text,
  featureViewId: text,
}
const rowMembers = { joinKeyMap: map(), requestContextMap: map() }
const optionMembers = { metadataOptions: map(flag), requestOptions: map() }

const dataType = openObject({ type: text })
const feature = (status: Schema): Schema =>
  object(
    {},
    {
      name: text,
      effectiveTime: text,
      dataType,
      type: text,
      status,
      description: text,
      tags: map(text),
    },
  )
const statuses = oneOf('PRESENT', 'MISSING_DATA', 'TIME_OUT', 'UNKNOWN')
const times = { sloEligible: flag, sloServerTimeSeconds: number, serverTimeSeconds: number }
const sloInfo = object({
  ...times,
  dynamodbResponseSizeBytes: whole,
  storeMaxLatency: number,
  storeResponseSizeBytes: whole,
})
const vector = object({ features: list() })

/** What stands in `params`, around which version 2 takes the members bare. */
function paramsOf(members: Readonly<Record<string, Schema>>, isBare: boolean): Schema {
  const params = object({ params: openObject({}, members) })
  return isBare ? anyOf(params, openObject({}, members)) : params
}

export function singleOperation(isBare: boolean): Operation {
  const metadata = object({}, { features: list(feature(statuses)), sloInfo })
  return {
    summary: 'One feature vector, as the hosted platform answers',
    body: json(paramsOf({ ...target, ...rowMembers, ...optionMembers }, isBare)),
    answer: json(object({ result: vector }, { metadata })),
    refusal,
  }
}

export function batchOperation(isBare: boolean): Operation {
  const batchSloInfo = object({ ...times, storeMaxLatency: number })
  const metadata = object(
    {},
    { features: list(feature(list(statuses))), sloInfo: list(sloInfo), batchSloInfo },
  )
  const requestData = list(openObject({}, rowMembers))
  return {
    summary: 'Many feature vectors, as the hosted platform answers',
    body: json(paramsOf({ ...target, requestData, ...optionMembers }, isBare)),
    answer: json(object({ result: list(vector) }, { metadata })),
    refusal,
  }
}

export function queryOperation(): Operation {
  const joinKeys = list(object({}, { name: text, dataType }))
  return {
    summary: 'The feature vectors of all keys of which a part is given',
    body: json(paramsOf({ ...target, ...rowMembers, ...optionMembers }, false)),
    answer: json(
      object(
        { results: list(object({ features: list(), joinKeys: list() })) },
        { metadata: object({}, { features: list(feature(list(statuses))), joinKeys }) },
      ),
    ),
    refusal,
  }
}

const fields = list(object({ name: text, dataType }, { type: text }))

export function metadataOperation(hasBody: boolean): Operation {
  return {
    summary: 'What a feature service takes and gives',
    ...(hasBody ? { body: json(paramsOf(target, false)) } : {}),
    answer: json(
      object(
        { featureServiceType: oneOf('DEFAULT', 'WILDCARD'), featureValues: fields },
        { inputJoinKeys: fields, outputJoinKeys: fields, inputRequestContextKeys: fields },
      ),
    ),
    refusal,
  }
}

const metrics = object(
  { featureViewName: text, featureViewId: text },
  { onlineRecordIngestCount: text },
)
const sourceMetrics = object(
  { dataSourceName: text, dataSourceId: text },
  { offlineRecordIngestCount: text },
)
const recordError = object(
  {
    pushSourceName: text,
    errorType: text,
    errorMessage: text,
    recordIndex: whole,
    code: text,
    path: text,
  },
  { featureViewName: text },
)

export const metricsOperation: Operation = {
  summary: 'What was asked in this dialect, in numbers as the hosted platform tells them',
  answer: { 'application/openmetrics-text': text },
  refusal,
}

export const ingestOperation: Operation = {
  summary: 'Takes records, all of a request or none, or only checks them',
  body: json(
    anyOf(
      openObject({ workspace_name: text, dry_run: flag, records: map(list(anything)) }),
      openObject({ workspaceName: text, dryRun: flag, records: map(list(anything)) }),
    ),
  ),
  answer: json(
    object({
      workspaceName: text,
      ingestMetrics: object(
        { featureViewIngestMetrics: list(metrics) },
        { dataSourceIngestMetrics: list(sourceMetrics) },
      ),
    }),
  ),
  refusal: anyOf(
    // Who is not let in is told in the form of other routes, too.
    object({ requestError: object({ errorMessage: text, errorType: text }) }, refusalMembers),
    object({ workspaceName: text, recordErrors: list(recordError) }),
  ),
}
