#!/bin/sh
# Builds the container image without an engine and starts its command: needs root, buildah and debootstrap.
#
#   sh test/by-hand/image.sh
#
# The base images come from Debian's packages under the names that the Dockerfile asks for. What they are not, distroless
# and oven's own, does not matter to what is copied, built and started here.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bah() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

debootstrap --variant=minbase --include=ca-certificates bookworm "$work/debian" >"$work/debootstrap.log"
mkdir "$work/base"
tar -C "$work/debian" -cf "$work/base/debian.tar" .
printf 'FROM scratch\nADD debian.tar /\n' >"$work/base/Dockerfile"
bah bud --isolation chroot -q -t gcr.io/distroless/cc-debian12:nonroot "$work/base"
version=$(sed -n 's/^ARG BUN_VERSION=//p' "$root/Dockerfile")
cp "$(readlink -f "$(command -v bun)")" "$work/base/bun"
printf 'FROM gcr.io/distroless/cc-debian12:nonroot\nADD bun /usr/local/bin/bun\n' >"$work/base/Dockerfile"
bah bud --isolation chroot --pull=false -q -t "docker.io/oven/bun:$version-slim" "$work/base"

# Settings of this machine that reach its package registry.
set --
[ -f "$HOME/.npmrc" ] && set -- --volume "$HOME/.npmrc:/root/.npmrc:ro"
[ -d /etc/ssl/certs ] && set -- "$@" --volume /etc/ssl/certs:/etc/ssl/certs:ro --volume /usr/share/ca-certificates:/usr/share/ca-certificates:ro
bah bud --isolation chroot --pull=false "$@" --build-arg KOWALSKI_COMMIT=by-hand -t kowalski "$root"

container=$(bah from --pull=false kowalski)
bah run --isolation chroot "$container" -- /usr/local/bin/kowalski version
bah run --isolation chroot "$container" -- /usr/local/bin/kowalski serve --port 4871 >"$work/serve.log" 2>&1 &
for _ in $(seq 100); do
  bah run --isolation chroot "$container" -- /usr/local/bin/kowalski check --health http://127.0.0.1:4871 && break
  sleep 0.3
done
bah run --isolation chroot "$container" -- id
bah run --isolation chroot "$container" -- ls -la /data
bah inspect --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}} {{.OCIv1.Config.ExposedPorts}}' kowalski
pkill -TERM -f 'kowalski serve --port 4871' || true
wait || true
tail -5 "$work/serve.log"
