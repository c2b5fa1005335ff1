"""From bytes to pixels: only of formats that are known, only what fits, and whole or not at all."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError

from task_system.task_types.image_processing.models import Convert, ImageFacts

#: Pillow knows many more, some of them old and little tested, one of them a programming language.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")

#: What Pillow's decoders and encoders raise about the bytes that they are given.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, EOFError, LookupError, ArithmeticError, struct.error)

#: What brings each EXIF orientation but 1 upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class ImageRefused(Exception):
    """This image cannot be processed; the message says why, to the caller."""


@dataclass(slots=True)
class Picture:
    """An image in the making: its pixels (mode L, RGB or RGBA), what goes with them, and what to write it as."""

    pixels: Image.Image
    exif: Image.Exif
    colour_profile: bytes | None
    target: Convert
    max_pixels: int

    def check_size(self, width: int, height: int) -> None:
        """Raises ImageRefused when an image of that size is not to be made."""
        check_size(width, height, self.max_pixels)

    def turn_upright(self) -> None:
        """Do to the pixels what the EXIF orientation asks a viewer to do, and remove it."""
        turn = _TURNS.get(self.exif.pop(ExifTags.Base.Orientation, 1))
        if turn is not None:
            self.pixels = self.pixels.transpose(turn)


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raises ImageRefused for more pixels than `max_pixels`."""
    if width * height > max_pixels:
        raise ImageRefused(
            f"{width:,} by {height:,} pixels are more than the {max_pixels:,} of `max_pixels`: raise it if you trust "
            "the image"
        )


def decode(source: BinaryIO, size_bytes: int, max_pixels: int) -> tuple[ImageFacts, Picture]:
    """What the file is, and its pixels. Of an animation the first picture.

    Raises ImageRefused for what is no image, too large (known from its header, before a pixel is decoded), damaged or
    cut off; OSError when the machine cannot read the file.
    """
    try:
        with Image.open(source, formats=FORMATS) as image:
            check_size(*image.size, max_pixels)
            kind = "jpeg" if image.format == "MPO" else str(image.format).lower()
            facts = ImageFacts(format=kind, width=image.width, height=image.height, size_bytes=size_bytes)
            image.load()
            return facts, _picture(image, kind, max_pixels)
    except UnidentifiedImageError:
        raise ImageRefused("no image in a format that is known, or its header is damaged") from None
    except _BOMBS:
        raise ImageRefused(f"more than the {max_pixels:,} pixels of `max_pixels`") from None
    except DAMAGE as error:
        raise refusal(error, "damaged or cut off") from None


def refusal(error: Exception, what: str) -> Exception:
    """ImageRefused for what is wrong with the image; the error itself when it is the machine's."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return ImageRefused(f"{what}: {error}")


def _picture(image: Image.Image, kind: str, max_pixels: int) -> Picture:
    profile = image.info.get("icc_profile")
    pixels = _plain(image)
    # what an encoder would find in there and write: comments, text, resolution
    pixels.info = {}
    return Picture(
        pixels=pixels,
        exif=_exif(image.info.get("exif")),
        # a profile of inks says nothing about light
        colour_profile=profile if image.mode != "CMYK" and isinstance(profile, bytes) else None,
        target=_same_format(kind),
        max_pixels=max_pixels,
    )


def _exif(raw: object) -> Image.Exif:
    """What the camera noted; nothing when that is damaged, because the pixels may be fine."""
    exif = Image.Exif()
    if isinstance(raw, bytes):
        try:
            exif.load(raw)
            exif.tobytes()
        except DAMAGE:
            return Image.Exif()
    return exif


def _same_format(kind: str) -> Convert:
    match kind:
        case "jpeg" | "png" | "webp" | "avif":
            return Convert(operation="convert", format=kind)
    return Convert(operation="convert", format="png")


def _plain(image: Image.Image) -> Image.Image:
    """The same image in one of the modes L, RGB and RGBA, which every operation and every format can work with."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    match image.mode:
        case "L" | "RGB":
            return image.copy()
        case "1":
            return image.convert("L")
        case mode if mode.startswith("I"):
            # 16 bits; Pillow would cut off what is above 255
            return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGB")
