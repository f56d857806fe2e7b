/**
 * A frame as a whole WebSocket message of a client, ready to be written to the socket.
 *
 * A client must mask what it sends. The mask is ours to choose: with the same byte four times it
 * is known before the message is, so that bytes can be written over in a message that is masked.
 *
 * @see RFC 6455, section 5
 */

/** What every byte of a message behind its head is xored with. */
export const maskByte = 0x5a

/** The same for four bytes at once. */
export const maskWord = 0x5a5a5a5a

/** The bytes of a message, to be written over. */
export interface Message {
  readonly bytes: Uint8Array
  readonly view: DataView
}

export function createMessage(bytes: number): Message {
  const buffer = new ArrayBuffer(bytes)
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) }
}

/** A frame as one final, binary, masked message. */
export function maskedMessage(frame: Uint8Array): Uint8Array {
  const head = headOf(frame.length)
  const message = new Uint8Array(head.length + frame.length)
  message.set(head)
  for (let i = 0; i < frame.length; i++) message[head.length + i] = frame[i]! ^ maskByte
  return message
}

function headOf(length: number): Uint8Array {
  const [form, size] = length < 126 ? [length, 0] : length < 65_536 ? [126, 2] : [127, 8]
  const head = Buffer.alloc(2 + size + 4, maskByte)
  head[0] = 0x82
  head[1] = 0x80 | form
  if (size === 2) head.writeUInt16BE(length, 2)
  if (size === 8) head.writeBigUInt64BE(BigInt(length), 2)
  return head
}
