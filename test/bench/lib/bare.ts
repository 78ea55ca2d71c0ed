import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { execa } from "execa";
import type { BuiltRamdisk } from "../../../provider/services/ramdisk/build.ts";
import { type CpioEntry, decodeCpio, encodeCpio } from "../../../provider/services/ramdisk/cpio.ts";

/**
 * The least that a deploy ramdisk can do, for comparison: the drivers of ours, loaded in the same order, an address by DHCP,
 * the first disk as an iSCSI target, one call to port 10000. It looks at nothing, chooses nothing and tries nothing twice.
 */
const init = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/$module"; done < /lib/modules/order
mount -t configfs none /sys/kernel/config
for word in $(cat /proc/cmdline); do case $word in BOOTIF=*) card=\${word#BOOTIF=01-} ;; deploy_server=*) server=\${word#*=} ;; esac; done
for one in /sys/class/net/*; do [ "$(cat "$one/address")" = "$(echo "$card" | tr - :)" ] && interface=\${one##*/}; done
ip link set lo up
ip link set "$interface" up
printf '#!/bin/sh\\n[ "$1" = bound ] && { ifconfig $interface $ip netmask $subnet; echo $ip > /address; }\\nexit 0\\n' > /dhcp
chmod 755 /dhcp
udhcpc -i "$interface" -n -q -t 8 -T 2 -s /dhcp
until [ -e /sys/block/sda ]; do sleep 0.2; done
cd /sys/kernel/config/target
mkdir -p core/iblock_0/disk iscsi/iqn.2026-11.bench:bare/tpgt_1
echo udev_path=/dev/sda > core/iblock_0/disk/control
echo 1 > core/iblock_0/disk/enable
cd iscsi/iqn.2026-11.bench:bare/tpgt_1
mkdir -p np/0.0.0.0:3260 lun/lun_1
ln -s /sys/kernel/config/target/core/iblock_0/disk lun/lun_1/disk
echo 0 > attrib/authentication
echo 1 > attrib/generate_node_acls
echo 1 > enable
wget -q -O - --post-data "i=bare&a=$(cat /address)&n=iqn.2026-11.bench:bare" "http://$server:10000/"
while :; do sleep 60; done
`;

/** Lay it beside the kernel that it is for. Resolves to its path. */
export async function makeBareRamdisk(built: BuiltRamdisk, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const ours = decodeCpio(await uncompressed(built.ramdisk));
  const kept = ours.filter(
    ({ kind, path }) => kind !== "file" || /^(bin\/busybox|lib\/modules\/)/.test(path),
  );
  const first: CpioEntry = { kind: "file", path: "init", mode: 0o755, content: Buffer.from(init) };
  const [plain, packed] = [join(folder, "bare.cpio"), join(folder, "bare.zst")];
  await writeFile(plain, encodeCpio([...kept, first]));
  await execa("zstd", ["-q", "-12", "-T0", "-o", packed, plain]);
  return packed;
}

async function uncompressed(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  // 1f 8b: RFC 1952, section 2.3.1.
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return await promisify(gunzip)(bytes);
  const { stdout } = await execa("zstd", ["-q", "-d", "-c", path], { encoding: "buffer" });
  return Buffer.from(stdout);
}

/** Wait on port 10000 for the bare ramdisk's call. */
export async function hearBare(address: string): Promise<{
  readonly called: Promise<void>;
  readonly close: () => Promise<void>;
}> {
  let heard = () => {};
  const called = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      response.end("\n");
      heard();
    });
  }).listen(10_000, address);
  await new Promise((listening) => server.once("listening", listening));
  return {
    called,
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}
