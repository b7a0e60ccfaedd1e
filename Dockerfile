# Images: operator, dataplane (agent, engine and CNI plugin), cli. `docker build --target operator .`
# Base images are arguments, so that the same file builds where no registry is reachable.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12

# The engine's addon and the CNI plugin. The toolchain is the image's own: nothing is downloaded for it.
FROM ${RUST_IMAGE} AS rust
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src/dataplane
COPY dataplane/api/proto /src/dataplane/api/proto
COPY dataplane/Cargo.toml dataplane/Cargo.lock /src/dataplane/
COPY dataplane/crates /src/dataplane/crates
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/target \
    cargo build --release --locked --target-dir /target -p quiver-node \
    && cargo rustc --release --locked --target-dir /target -p quiver-cni --bin quiver-cni -- -C target-feature=+crt-static -C strip=symbols \
    && mkdir -p /out \
    && cp /target/release/libquiver_node.so /out/quiver.node \
    && cp /target/release/quiver-cni /out/quiver-cni

# The programs; the command line in parts, of which an agent loads only its own.
FROM ${NODE_IMAGE} AS programs
WORKDIR /src
COPY package.json package-lock.json .npmrc /src/
COPY operator/package.json /src/operator/
COPY operator/cli/package.json /src/operator/cli/
COPY dataplane/api/package.json /src/dataplane/api/
COPY dataplane/engine/package.json /src/dataplane/engine/
COPY dataplane/agent/package.json /src/dataplane/agent/
COPY e2e/package.json /src/e2e/
RUN --mount=type=cache,target=/root/.npm npm ci
COPY crds /src/crds
COPY operator /src/operator
COPY dataplane/api /src/dataplane/api
COPY dataplane/engine /src/dataplane/engine
COPY dataplane/agent /src/dataplane/agent
COPY e2e/setup /src/e2e/setup
RUN node e2e/setup/bundle.ts --out /out

# The program `nft`, by which the engine steers packets, with the libraries that the runtime image lacks.
FROM ${NODE_IMAGE} AS nft
RUN command -v nft || (apt-get update && apt-get install -y --no-install-recommends nftables)
RUN mkdir -p /nft \
    && cp --parents -L "$(command -v nft)" /nft \
    && ldd "$(command -v nft)" | grep -o '/[^ ]*' | grep -v -E '/(ld-linux|libc|libm)[-.]' \
    | xargs -I '{}' cp --parents -L '{}' /nft

FROM ${RUNTIME_IMAGE} AS operator
ENV PATH=/nodejs/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE_ENV=production
COPY --from=programs /out/operator.mjs /app/operator.mjs
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "/app/operator.mjs"]
CMD ["run"]

# Needs the capabilities NET_ADMIN and NET_RAW, and for them user 0.
FROM ${RUNTIME_IMAGE} AS dataplane
ENV PATH=/nodejs/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE_ENV=production
COPY --from=nft /nft/ /
COPY --from=rust /out/ /app/
COPY --from=programs /out/quiver*.mjs /app/
USER 0:0
ENTRYPOINT ["/nodejs/bin/node", "/app/quiver.mjs"]
CMD ["--help"]

FROM ${RUNTIME_IMAGE} AS cli
ENV PATH=/nodejs/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE_ENV=production
COPY --from=programs /out/quiver*.mjs /app/
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "/app/quiver.mjs"]
CMD ["--help"]
