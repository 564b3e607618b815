# One image for every process of Shiplog: `api` (the default), `worker`, `migrate`, `init` …
# Build: docker build --tag shiplog .        Another base: --build-arg BASE=registry.example/python:3.12-slim
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
# A mirror of the package index, where that is the only one within reach; it is not in the final image.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/shiplog/venv
# The packages first: they change less often than the program. Every one is checked against its hash.
COPY requirements.lock /opt/shiplog/
RUN /opt/shiplog/venv/bin/pip install --quiet --require-hashes --requirement /opt/shiplog/requirements.lock
COPY pyproject.toml README.md LICENSE alembic.ini /opt/shiplog/
COPY app /opt/shiplog/app
COPY migrations /opt/shiplog/migrations
# Editable, so that the migrations stay beside the program. Compiled now: nobody can write there later.
RUN /opt/shiplog/venv/bin/pip install --quiet --no-deps --no-build-isolation --editable /opt/shiplog \
    && /opt/shiplog/venv/bin/python -m compileall -q /opt/shiplog/app /opt/shiplog/migrations /opt/shiplog/venv/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="Shiplog" \
      org.opencontainers.image.description="Deploys Docker Compose services and databases over SSH and keeps every log" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 shiplog \
    && useradd --uid 10001 --gid shiplog --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin shiplog
COPY --from=build /opt/shiplog /opt/shiplog
ENV PATH=/opt/shiplog/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /opt/shiplog
EXPOSE 8000
# For the API; compose.yaml turns it off for the worker, which answers no port: its leases in PostgreSQL show that it lives.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:8000/api/v1/health', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["shiplog"]
CMD ["api", "--host", "0.0.0.0"]
