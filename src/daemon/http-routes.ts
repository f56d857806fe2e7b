/**
 * The HTTP routes for programs that embed the daemon: requests without a socket, and without a key.
 *
 * They go through the application like any other, with a key that opens everything and never leaves
 * the process.
 */
/** A request to the daemon's HTTP routes. */
export interface HttpRequest {
  /** @defaultValue `'GET'` */
  readonly method?: 'GET' | 'HEAD' | 'POST'
  /** Path and query. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** The body; an object is sent as JSON. */
  readonly payload?: string | object
}

/** What the HTTP routes answer. */
export interface HttpAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** The daemon's HTTP routes without a socket. */
export interface HttpRoutes {
  inject(request: string | HttpRequest): Promise<HttpAnswer>
}

/**
 * @param app  The application, of which our types say no more than this.
 * @param key  An API key, for requests that say nothing of who asks.
 */
export function routesOf(
  app: { inject(request: HttpRequest): Promise<HttpAnswer> },
  key: string,
): HttpRoutes {
  return {
    inject(request) {
      const { headers, ...rest }: HttpRequest =
        typeof request === 'string' ? { url: request } : request
      return app.inject({ ...rest, headers: { authorization: `Bearer ${key}`, ...headers } })
    },
  }
}
