# The image that the chart in deploy/helm runs: one binary, and the certificates it trusts vendors by; not root.
#   docker build --tag registry.example.com/gangway:0.1.0 .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package gangway-server && cp target/release/gangway /gangway

FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /gangway /usr/local/bin/gangway
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/gangway"]
CMD ["--help"]
