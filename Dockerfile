# The one image of every process of the service, and of the mail catcher for development.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Without pip of its own: nothing can be installed into it later.
RUN python -m venv --without-pip /venv
COPY requirements.txt ./
RUN pip --python /venv/bin/python install --require-hashes --only-binary :all: -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY task_system task_system
RUN pip --python /venv/bin/python install --no-deps .

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    DATA_DIR=/data
# A number that no user of the host has. New volumes take over who owns these folders.
RUN groupadd --gid 10001 app && \
    useradd --uid 10001 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app && \
    install -d -o app -g app -m 0750 /data /mail
WORKDIR /app
COPY --from=build /venv /venv
COPY docker/*.py docker/
# Your own modules of task types belong here too.
COPY app.py celeryconfig.py tasks.py ./
USER 10001:10001
CMD ["taskq", "--help"]
