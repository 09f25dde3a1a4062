# Builds the executable and puts it alone into a small image that runs as an ordinary user.
ARG BUN_VERSION=1.4.5

FROM oven/bun:${BUN_VERSION}-slim AS build
WORKDIR /build
# The commit is shown by `kowalski version`: docker build --build-arg KOWALSKI_COMMIT=$(git rev-parse --short HEAD)
ARG KOWALSKI_COMMIT=container
COPY package.json bun.lock bunfig.toml ./
COPY patches patches
RUN bun install --frozen-lockfile --production
COPY tsconfig.json ./
COPY scripts/build.ts scripts/runtime-files.ts scripts/
COPY src src
RUN KOWALSKI_COMMIT=${KOWALSKI_COMMIT} bun scripts/build.ts && mkdir data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/dist/kowalski /usr/local/bin/kowalski
# 65532 is the image's user `nonroot`; a volume mounted here starts with its rights.
COPY --from=build --chown=65532:65532 /build/data /data
USER 65532:65532
WORKDIR /data
ENV KOWALSKI_DATA_DIR=/data \
    KOWALSKI_SERVER__HOST=0.0.0.0
# Memory that one batch frees is kept for the next, milliseconds: given back at once, it costs 7 % of the processor's time.
ENV MIMALLOC_PURGE_DELAY=100
VOLUME /data
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/kowalski", "check", "--health", "http://127.0.0.1:4000"]
ENTRYPOINT ["/usr/local/bin/kowalski"]
CMD ["serve"]
