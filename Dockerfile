# The app under its own server: an HttpOnly cookie, security headers, health checks.
# It needs SECRET_KEY and BASE_URL, and a DATABASE_URL or a volume at /app/data.
# Images are pinned by digest, which no tag can move: 3.13-slim was Python 3.13.15 then.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . /app
RUN /venv/bin/python -m compileall -q /app

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
RUN useradd --uid 1000 --no-create-home app && install --directory --owner app --group app /app/data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    APP_ENV=production \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true
USER app
VOLUME /app/data
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from os import environ; from urllib.request import urlopen; urlopen(f'http://127.0.0.1:{environ[\"STREAMLIT_SERVER_PORT\"]}/healthz', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "server.py"]
