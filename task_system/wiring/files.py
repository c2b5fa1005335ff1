"""Where blobs are."""

import importlib
from urllib.parse import urlsplit

from task_system.files import Blobs, LocalBlobs
from task_system.model.errors import ConfigurationError
from task_system.settings import Settings

#: In the data folder.
FOLDER, SCRATCH = "blobs", "scratch"


def blobs_of(settings: Settings) -> Blobs:
    """The store that the settings name. Raises ConfigurationError."""
    data_dir = settings.data_dir.resolve()
    if not settings.files_url:
        return LocalBlobs(data_dir / FOLDER)
    url = urlsplit(settings.files_url)
    if url.scheme != "s3" or not url.netloc:
        raise ConfigurationError("FILES_URL must be s3://bucket/prefix, or empty for a folder in DATA_DIR.")
    options = {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": settings.s3_secret_access_key.get_secret_value(),
    }
    try:
        # Not loaded by those who have no use for it.
        s3 = importlib.import_module("task_system.files.s3")
    except ImportError:
        raise ConfigurationError("FILES_URL names an S3 store: pip install 'task-system[s3]' first.") from None
    said = {name: value for name, value in options.items() if value}
    blobs: Blobs = s3.S3Blobs(url.netloc, url.path.strip("/"), data_dir / SCRATCH, **said)
    return blobs
