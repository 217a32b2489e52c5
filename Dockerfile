# The image that the chart in deploy/helm runs: one binary, no shell, no root.
#   docker build --tag registry.example.com/gangway:0.1.0 .
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package gangway-server && cp target/release/gangway /gangway

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /gangway /usr/local/bin/gangway
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/gangway"]
CMD ["--help"]
