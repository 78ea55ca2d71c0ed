import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { check, close, tellCases } from "./lib/story.ts";

// The image of packaging/oci is built without a container runtime and without a registry (its base is made of Debian's packages
// under the name that the recipe has), and what it starts is started in a network of its own. It takes buildah and mmdebstrap.
// `npm run story -- oci`; ten minutes at first, then as long as npm takes: the layers are kept in the cache.

const root = fileURLToPath(new URL("../../", import.meta.url));
const recipe = join(root, "packaging/oci/Containerfile");
const base = /^FROM (\S+):(\w+)-slim AS/m.exec(await readFile(recipe, "utf8"));
const [, name = "", suite = ""] = base ?? [];
const store = process.env["OCI_STORE"] ?? join(homedir(), ".cache/pulumi-baremetal/oci");
const folder = await mkdtemp(join(tmpdir(), "story-oci-"));
const options = { all: true, timeout: 1_200_000 } as const;
const buildah = async (...words: readonly string[]) => {
  const where = [
    "--root",
    join(store, "root"),
    "--runroot",
    join(store, "run"),
    "--storage-driver",
    "overlay",
  ];
  return (await execa("buildah", [...where, ...words], options)).all.trim();
};
const authorities = "/etc/ssl/certs/ca-certificates.crt";
let container = "";

const cases: readonly (readonly [string, () => Promise<string>])[] = [
  [
    "its base is made of packages, once",
    async () => {
      const image = `${name}:${suite}-slim`;
      if ((await buildah("images", "--quiet", "--filter", `reference=${image}`)) !== "") return "it is there";
      const archive = join(folder, "base.tar");
      await execa("mmdebstrap", ["--variant=minbase", "--include=ca-certificates", suite, archive], options);
      const from = await buildah("from", "scratch");
      await buildah("add", "--quiet", from, archive, "/");
      await buildah("commit", "--quiet", "--rm", from, image);
      return image;
    },
  ],
  [
    "it is built as the recipe says",
    async () => {
      await execa("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], {
        ...options,
        cwd: root,
      });
      // npm asks as it does on this host: whom it trusts is this host's affair.
      const npmrc = join(folder, "npmrc");
      await writeFile(npmrc, "cafile=/run/authorities.crt\n");
      const mounts = [`${authorities}:/run/authorities.crt:ro`, `${npmrc}:/root/.npmrc:ro`];
      const words = ["--layers", "--isolation", "chroot", "--pull-never", "--tag", "pulumi-baremetal"];
      await buildah(
        "build",
        ...words,
        ...mounts.flatMap((one) => ["--volume", one]),
        "--file",
        recipe,
        folder,
      );
      return buildah("images", "--format", "{{.Size}}", "localhost/pulumi-baremetal");
    },
  ],
  [
    "it starts as it is told to, finds its settings right, is well, answers its commands and ends with 0",
    async () => {
      container = await buildah("from", "--pull-never", "localhost/pulumi-baremetal");
      const mount = await buildah("mount", container);
      const config = JSON.parse(await buildah("inspect", "--type", "image", "localhost/pulumi-baremetal"));
      const { Entrypoint: entry, Cmd: words, Env: env } = config.OCIv1.config as Record<string, string[]>;
      check(words?.join(" ") === "serve --settings /etc/pulumi-baremetal/site.yaml", `it runs ${words}`);
      await mkdir(join(mount, "etc/pulumi-baremetal"), { recursive: true });
      const settings = {
        ...{
          stateDir: "/var/lib/pulumi-baremetal",
          cacheDir: "/var/cache/pulumi-baremetal",
          interface: "eth9",
        },
        listen: { port: 10_443 },
      };
      await writeFile(join(mount, "etc/pulumi-baremetal/site.yaml"), JSON.stringify(settings));
      const script = [
        "set -e",
        "ip link set lo up; ip link add eth9 type veth peer name eth8",
        "ip addr add 10.77.0.1/24 dev eth9; ip link set eth9 up; ip link set eth8 up",
        'mount --bind "$1" "$1"; mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; at="$1"; shift',
        'run() { chroot "$at" /usr/bin/env -i $ENVIRONMENT "$@"; }',
        'run "$@" serve --settings /etc/pulumi-baremetal/site.yaml --check',
        // The very process, as a container's runtime has it: a shell between would take the signal.
        '(exec chroot "$at" /usr/bin/env -i $ENVIRONMENT "$@" serve --settings /etc/pulumi-baremetal/site.yaml) &',
        "service=$!",
        "for n in $(seq 120); do curl -sk https://127.0.0.1:10443/healthz && break; sleep 1; done; echo",
        'run "$@" tokens list --settings /etc/pulumi-baremetal/site.yaml',
        'kill "$service"; wait "$service"; echo "ended with $?"',
      ].join("\n");
      const lab = ["--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", script, "-", mount];
      const { all } = await execa("unshare", [...lab, ...(entry ?? [])], {
        ...options,
        env: { ENVIRONMENT: (env ?? []).join(" ") },
      });
      for (const said of ["are right", '{"status":"ok"}', "ended with 0"]) check(all.includes(said), all);
      return all.replace(/(.{160}).+/g, "$1 …");
    },
  ],
];

try {
  for (const file of ["/usr/bin/buildah", "/usr/bin/mmdebstrap"]) await access(file);
  close(await tellCases(process.argv.slice(2), cases));
} finally {
  if (container !== "") await buildah("rm", container);
  await rm(folder, { recursive: true, force: true });
}
