# The image: a layer with the compiled dependencies, which changes only with Cargo.lock, then the program, then a small image that
# contains only the program and the libraries it needs. Build it with `make image`. It needs no BuildKit features.
#
# Stopping takes up to 40 seconds: 30 for shutdown.grace, 5 for closing the database, and a margin. Allow that much time
# (docker stop --time 40; stop_grace_period in Compose). A container that is killed earlier loses nothing that was acknowledged,
# but some work is repeated.

FROM rust:1.95-bookworm AS build
# RocksDB's bindings are generated with libclang.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libclang-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The dependencies take tens of minutes, so they are compiled against an empty program and kept as a layer of their own.
COPY Cargo.toml Cargo.lock build.rs ./
COPY src/out_of_memory.cc src/
RUN echo '//! Empty.' > src/lib.rs \
    && printf '//! Empty.\nfn main() {}\n' > src/main.rs \
    && cargo build --release --locked \
    && rm -r src
COPY src src
# The sources may be older than the empty program, and cargo compares the times of files.
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked \
    && install -D -m 0755 target/release/broadsheet /out/usr/local/bin/broadsheet \
    && install -d -m 0700 -o 10001 -g 10001 /out/data

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Broadsheet" \
      org.opencontainers.image.description="A publishing backend in one binary" \
      org.opencontainers.image.licenses="MIT AND BUSL-1.1" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
# ca-certificates for outgoing TLS; libstdc++ for RocksDB, which is C++.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 broadsheet \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin broadsheet
COPY --from=build /out /
# The database's memory follows from the container's limit.
ENV BROADSHEET__DATA_DIR=/data \
    BROADSHEET__HTTP__LISTEN=0.0.0.0:8080 \
    BROADSHEET__DATABASE__MEMORY=auto
# Only /data is written to: the root file system can be read-only.
VOLUME ["/data"]
WORKDIR /data
USER 10001:10001
# 8080 is the API; 9464 is for metrics, if metrics.listen is set.
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=2m --retries=3 CMD ["/usr/local/bin/broadsheet", "health"]
ENTRYPOINT ["/usr/local/bin/broadsheet"]
CMD ["serve"]
