# The image of the MONARC Stats Service: docker build --tag stats-server .
# It takes the environment of the Python service's image, and keeps its files in the same volume. docs/installation.md

FROM docker.io/library/rust:1-bookworm AS build
WORKDIR /src
COPY . .
# The programs speak TLS to PostgreSQL, with an OpenSSL built from source.
RUN scripts/build-programs.sh release

FROM docker.io/library/debian:bookworm-slim
# The certificates of servers that it connects to: another instance and MOSP.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --home-dir /app --no-create-home --shell /usr/sbin/nologin stats-server \
    && install --directory --owner stats-server --group stats-server --mode 0750 /app/var
COPY --from=build /src/target/release/stats-server /src/target/release/stats-admin /usr/local/bin/
COPY packaging/container/entrypoint packaging/container/healthy /usr/local/bin/

# The defaults of the Python service's image. DATABASE_URL=sqlite://var/stats.db chooses SQLite.
ENV HOST=0.0.0.0 \
    PORT=5000 \
    DB_HOSTNAME=db \
    DB_USERNAME=statsservice \
    DB_PASSWORD=statsservice \
    CLIENT_REGISTRATION_OPEN=0
USER stats-server
WORKDIR /app
VOLUME /app/var
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["healthy"]
ENTRYPOINT ["entrypoint"]
CMD ["stats-server"]
