// Runs inside a network namespace of its own (started by networks.test.ts) and prints who heard which packet as JSON.
// This host is in two networks; at the other end of each cable, in a namespace of its own, somebody listens.
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { broadcast } from "../../../../provider/drivers/power/wake-on-lan/packet.ts";
import { newContext } from "../../../../provider/kernel/context.ts";

const ip = (line: string) => execa("ip", line.split(" "));
const port = 9;
// Says `ready`, then the text of each packet.
const listener = `
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", (packet, { address }) => console.log(packet + " from " + address));
  socket.bind(${port}, () => console.log("ready"));`;

/** A cable `name` to a network, in which this host is 1 and the listener 2. */
async function lay(name: string, network: string, heard: string[]) {
  const program = `ip link set lo up; read up; exec '${process.execPath}' -e '${listener}'`;
  const far = execa("unshare", ["--net", "sh", "-c", `echo here; ${program}`], { reject: false });
  const lines = createInterface({ input: far.stdout })[Symbol.asyncIterator]();
  await lines.next();
  await ip(`link add ${name} type veth peer name far-${name}`);
  await ip(`link set far-${name} netns ${far.pid}`);
  await ip(`addr add ${network}.1/24 brd + dev ${name}`);
  await ip(`link set ${name} up`);
  const inFar = (line: string) =>
    execa("nsenter", ["-t", String(far.pid), "--net", "--", "ip", ...line.split(" ")]);
  await inFar(`addr add ${network}.2/24 brd + dev far-${name}`);
  await inFar(`link set far-${name} up`);
  far.stdin.write("\n");
  await lines.next();
  const hearing = (async () => {
    for (let line = await lines.next(); !line.done; line = await lines.next()) heard.push(line.value);
  })();
  return async () => {
    far.kill("SIGKILL");
    await far;
    await hearing;
  };
}

async function main() {
  const [first, second]: [string[], string[]] = [[], []];
  await ip("link set lo up");
  const ends = [await lay("v0", "10.98.0", first), await lay("w0", "10.99.0", second)];
  await ip("route add default via 10.98.0.2");
  const send = (to: string, by: string | undefined, text: string) =>
    broadcast(newContext(), "u7", { broadcast: to, port, interface: by }, Buffer.from(text));
  await send("255.255.255.255", "w0", "by w0");
  await send("255.255.255.255", "v0", "by v0");
  await send("10.99.0.255", undefined, "to the second");
  const codes: unknown[] = [];
  await send("10.97.0.255", "none0", "by none0").catch(({ code }) => codes.push(code));
  await ip("link set w0 down");
  await ip("route del default");
  await send("10.99.0.255", undefined, "to nowhere").catch(({ code }) => codes.push(code));
  await pause(300);
  for (const end of ends) await end();
  return { first, second, codes };
}

console.log(JSON.stringify(await main()));
