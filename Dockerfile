# syntax=docker/dockerfile:1
# One file, four images: `docker build --target worker .`; docker-compose.yml names the targets.

FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
# A user without rights; the recordings' volume takes its owner from this folder when it is first made.
RUN useradd --create-home --uid 10001 recorder \
    && install --directory --owner=recorder --group=recorder /recordings
WORKDIR /app
COPY pyproject.toml README.md hamlet_recorder.py ./
COPY recorder recorder
COPY worker worker
COPY replay_server replay_server
COPY configs configs

# What a training process imports: numpy, msgpack, lz4, redis and the reader of the configuration. Build your trainer's
# image from this one.
FROM base AS trainer
RUN pip install .
USER recorder
CMD ["python", "-c", "import recorder"]

# Decides which episodes are kept, and writes them.
FROM base AS worker
RUN pip install ".[worker,postgres]"
USER recorder
STOPSIGNAL SIGTERM
CMD ["python", "-m", "recorder", "worker", "--queues", "ingest,maintenance"]

# Makes videos; brings matplotlib and ffmpeg.
FROM base AS render
RUN pip install ".[video,postgres]"
# One font cache for the image, so that the processes of a worker do not build it all at once.
ENV MPLCONFIGDIR=/app/matplotlib
RUN python -c "import matplotlib.font_manager" && chmod -R a+rX "$MPLCONFIGDIR"
USER recorder
STOPSIGNAL SIGTERM
CMD ["python", "-m", "recorder", "worker", "--queues", "render"]

# Shows episodes in a web page.
FROM base AS server
RUN pip install ".[server,postgres]"
USER recorder
EXPOSE 8766
CMD ["python", "-m", "recorder", "serve", "--host", "0.0.0.0"]
