import { execa } from "execa";

/** What a switch says of itself. */
export interface SwitchWords {
  /** MAC. */
  readonly chassis: string;
  readonly port: string;
  readonly name: string;
  readonly description: string;
  readonly vlan: number;
}

// TLVs of IEEE 802.1AB-2016, 8.5; the last but one is IEEE 802.1Q's port VLAN.
const program = `
import socket, struct, sys, time
device, chassis, port, name, description, vlan = sys.argv[1:]
tlv = lambda kind, value: struct.pack(">H", kind << 9 | len(value)) + value
mac = bytes.fromhex(chassis.replace(":", ""))
words = tlv(1, b"\\x04" + mac) + tlv(2, b"\\x05" + port.encode()) + tlv(3, struct.pack(">H", 120))
words += tlv(4, description.encode()) + tlv(5, name.encode())
words += tlv(127, b"\\x00\\x80\\xc2\\x01" + struct.pack(">H", int(vlan))) + tlv(0, b"")
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((device, 0))
while True:
    wire.send(bytes.fromhex("0180c200000e") + mac + b"\\x88\\xcc" + words)
    time.sleep(5)
`;

/** Speak LLDP to the card of a server of QEMU, as the switch at the other end of its cable; answers how to end it. */
export function speakLldp(mac: string, words: SwitchWords): () => Promise<void> {
  const { chassis, port, name, description, vlan } = words;
  const device = `t${mac.replaceAll(":", "")}`;
  const child = execa("python3", ["-c", program, device, chassis, port, name, description, `${vlan}`], {
    reject: false,
  });
  return async () => {
    child.kill();
    const { stderr } = await child;
    if (stderr !== "") throw new Error(stderr);
  };
}
