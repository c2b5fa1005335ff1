"""Where the bytes of an image come from."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, ImageColor

from task_system import Context
from task_system.task_types.data_files import make_folder, read_file
from task_system.task_types.image_processing.models import CreatedImage, ImageInput

CREATED = "created"


def name_of(source: ImageInput) -> str:
    """What the caller knows the image by."""
    return source.filename or CREATED


@contextmanager
def open_input(ctx: Context, source: ImageInput) -> Iterator[BinaryIO]:
    """The encoded image, from its first byte. Raises as `read_file` does."""
    if source.create is not None:
        make_folder(ctx)
        yield io.BytesIO(_created(source.create))
        return
    assert source.filename is not None
    with read_file(ctx, source.filename) as stream:
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
