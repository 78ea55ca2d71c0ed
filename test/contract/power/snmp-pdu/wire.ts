/** The answer to a question by v1 or v2c that says why it is none: the same packet, of another kind, with this status. */
export function failed(question: Buffer, status: number): Buffer {
  const answer = Buffer.from(question);
  // SEQUENCE, version, community, and then the kind: 0xa2 is a response. Its own number, the status and the index follow.
  const kind = 5 + 2 + answer.readUInt8(6);
  answer.writeUInt8(0xa2, kind);
  const id = kind + 2;
  answer.writeUInt8(status, id + 2 + answer.readUInt8(id + 1) + 2);
  return answer;
}

const ber = (tag: number, ...parts: readonly (Buffer | string | number)[]): Buffer => {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part))),
  );
  return Buffer.concat([
    Buffer.from(body.length < 0x80 ? [tag, body.length] : [tag, 0x81, body.length]),
    body,
  ]);
};

/** Its number, as it stands in the header of a question by v3 (RFC 3412, 6): behind the version. */
function numberOf(question: Buffer): Buffer {
  const start = question.readUInt8(1) < 0x80 ? 2 : 2 + (question.readUInt8(1) - 0x80);
  const at = start + 3 + 2;
  return question.subarray(at, at + 2 + question.readUInt8(at + 1));
}

/** An answer to a question by v3, by somebody on the way who has no key: it proves nothing, and says so. */
export function forged(question: Buffer, object: readonly number[], value: number): Buffer {
  const header = ber(0x30, numberOf(question), ber(2, 0, 0xff, 0xff), ber(4, 0), ber(2, 3));
  const nobody = ber(0x30, ber(4), ber(2, 0), ber(2, 0), ber(4), ber(4), ber(4));
  const binding = ber(0x30, ber(0x30, ber(6, Buffer.from(object)), ber(2, value)));
  const pdu = ber(0xa2, ber(2, 1), ber(2, 0), ber(2, 0), binding);
  return ber(0x30, ber(2, 3), header, ber(4, nobody), ber(0x30, ber(4), ber(4), pdu));
}
