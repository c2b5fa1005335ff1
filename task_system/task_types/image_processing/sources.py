"""Where the bytes of an image come from."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, ImageColor

from task_system import Context
from task_system.task_types.data_files import read_file
from task_system.task_types.image_processing.models import CreatedImage

CREATED = "created"


@contextmanager
def open_input(ctx: Context, file: str | None, create: CreatedImage | None) -> Iterator[BinaryIO]:
    """The encoded image, from its first byte: of a file, or one that is made. Raises as `read_file` does."""
    if create is not None:
        yield io.BytesIO(_created(create))
        return
    assert file is not None
    with read_file(ctx, file) as stream:
        yield stream


def _created(wanted: CreatedImage) -> bytes:
    size = (wanted.width, wanted.height)
    image = Image.new("RGB", size, wanted.colour)
    if wanted.colour_to is not None:
        # from black to white, left to right: how much of the second colour there is
        share = Image.linear_gradient("L").rotate(90).resize(size)
        image.paste(ImageColor.getrgb(wanted.colour_to), mask=share)
    encoded = io.BytesIO()
    image.save(encoded, wanted.format)
    return encoded.getvalue()
