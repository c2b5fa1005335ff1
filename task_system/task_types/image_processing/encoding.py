"""From pixels to bytes."""

from typing import Any, BinaryIO

from PIL import Image, features

from task_system import Fail
from task_system.task_types.image_processing.decoding import DAMAGE, ImageRefused, Picture, refusal
from task_system.task_types.image_processing.models import Format

_QUALITY: dict[Format, int] = {"jpeg": 85, "webp": 80, "avif": 75}
_SIDE_MAX: dict[Format, int] = {"jpeg": 65_500, "png": 2**31 - 1, "webp": 16_383, "avif": 65_536}

ENDINGS: dict[Format, str] = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "avif": ".avif"}


def check_format(wanted: Format) -> None:
    """Raises Fail when this machine's Pillow was built without the format."""
    if wanted in {"webp", "avif"} and not features.check(wanted):
        raise Fail(f"This worker's Pillow cannot write {wanted}: choose another format, or install one that can")


def encode(picture: Picture, stream: BinaryIO) -> None:
    """Write the picture as its target says. Raises ImageRefused when the format cannot hold it."""
    target = picture.target
    longest = max(picture.pixels.size)
    if longest > _SIDE_MAX[target.format]:
        raise ImageRefused(f"{target.format} has room for {_SIDE_MAX[target.format]:,} pixels a side, not {longest:,}")
    options: dict[str, Any] = {"optimize": True} if target.format in {"jpeg", "png"} else {}
    if target.format != "png":
        options["quality"] = target.quality or _QUALITY[target.format]
    if picture.colour_profile:
        options["icc_profile"] = picture.colour_profile
    if picture.exif:
        options["exif"] = picture.exif
    pixels = picture.pixels
    if target.format == "jpeg" and pixels.mode == "RGBA":
        ground = Image.new("RGBA", pixels.size, target.background)
        pixels = Image.alpha_composite(ground, pixels).convert("RGB")
    try:
        pixels.save(stream, target.format, **options)
    except DAMAGE as error:
        raise refusal(error, f"cannot be written as {target.format}") from None
