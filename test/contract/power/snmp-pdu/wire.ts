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
