"""What `image_processing` is sent and what it answers."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from task_system.task_types.data_files import BY_ID, FileSource

IMAGES_MAX = 200
OPERATIONS_MAX = 20
#: The longest side that is asked for, in pixels: what WebP can hold.
SIDE_MAX = 16_383

Format = Literal["jpeg", "png", "webp", "avif"]
Side = Annotated[int, Field(ge=1, le=SIDE_MAX)]
Colour = Annotated[str, Field(pattern=r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", description="`#f80` or `#ff8800`")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CreatedImage(_Strict):
    """A test image: one colour, or a gradient from left to right."""

    width: Side
    height: Side
    colour: Colour = "#336699"
    colour_to: Colour | None = Field(None, description="where a gradient ends; without it there is none")
    format: Format = "png"


class ImageInput(_Strict):
    """One image: exactly one of `filename` and `create`."""

    filename: FileSource | None = Field(
        None, description="a file, by its name in `files/` or its id", json_schema_extra=dict(BY_ID)
    )
    create: CreatedImage | None = Field(None, description="instead of `filename`: make a test image")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.filename is None) == (self.create is None):
            raise ValueError("send exactly one of `filename` and `create`")
        return self


class Resize(_Strict):
    """Another size. `fit`: as large as fits into width and height, or the one that is given, in proportion; `cover`:
    fills both in proportion, what stands over is cut off on both sides alike; `exact`: both, out of proportion."""

    operation: Literal["resize"]
    mode: Literal["fit", "cover", "exact"] = "fit"
    width: Side | None = Field(None, description="pixels")
    height: Side | None = Field(None, description="pixels")

    @model_validator(mode="after")
    def _enough_sides(self) -> Self:
        if self.width is None and self.height is None:
            raise ValueError("send `width`, `height` or both")
        if self.mode != "fit" and (self.width is None or self.height is None):
            raise ValueError(f"mode `{self.mode}` needs `width` and `height`")
        return self


class Thumbnail(_Strict):
    """Smaller in proportion, so that no side is longer than `size`; an image that is small enough stays as it is."""

    operation: Literal["thumbnail"]
    size: Side = Field(256, description="pixels")


class RotateByExif(_Strict):
    """Upright, by what the camera noted; the note is removed with it."""

    operation: Literal["rotate_by_exif"]


class Crop(_Strict):
    """A rectangle of the image, which must lie inside of it."""

    operation: Literal["crop"]
    left: int = Field(0, ge=0, le=10**6, description="pixels from the left edge")
    top: int = Field(0, ge=0, le=10**6, description="pixels from the upper edge")
    width: Side = Field(description="pixels")
    height: Side = Field(description="pixels")


class Convert(_Strict):
    """Another format. Without it JPEG, PNG, WebP and AVIF stay what they are, and others become PNG."""

    operation: Literal["convert"]
    format: Format
    quality: int | None = Field(None, ge=1, le=100, description="jpeg, webp, avif; without it 85, 80 and 75")
    background: Colour = Field("#ffffff", description="jpeg: what shows through where the image is transparent")

    @model_validator(mode="after")
    def _quality_of_lossy(self) -> Self:
        if self.quality is not None and self.format == "png":
            raise ValueError("`quality` is for jpeg, webp and avif; png keeps every pixel")
        return self


class Watermark(_Strict):
    """A text over the image, as large as asked for and never wider than the image."""

    operation: Literal["watermark"]
    text: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    position: Literal["centre", "top_left", "top_right", "bottom_left", "bottom_right"] = "bottom_right"
    size_percent: float = Field(6, gt=0, le=100, description="height of the letters, in percent of the image's height")
    opacity_percent: float = Field(60, gt=0, le=100)
    colour: Colour = "#ffffff"


class StripMetadata(_Strict):
    """Without what the camera noted: place, time, device, preview. The colour profile stays, being part of the colours,
    and the image is turned upright first, because the note how to show it goes too."""

    operation: Literal["strip_metadata"]


Operation = Annotated[
    Resize | Thumbnail | RotateByExif | Crop | Convert | Watermark | StripMetadata, Field(discriminator="operation")
]


class ImageParameters(_Strict):
    """Images, and what is done with each of them, in order. The files stay as they are; what is made are new files."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "images": [{"create": {"width": 640, "height": 480, "colour_to": "#ff8800"}}],
                    "operations": [{"operation": "thumbnail", "size": 128}],
                },
                {
                    "images": [{"filename": "holiday/1.jpg"}, {"filename": "holiday/2.jpg"}],
                    "operations": [
                        {"operation": "rotate_by_exif"},
                        {"operation": "resize", "width": 1600, "height": 1200},
                        {"operation": "watermark", "text": "© Ann Lee"},
                        {"operation": "convert", "format": "webp", "quality": 80},
                        {"operation": "strip_metadata"},
                    ],
                    "on_error": "skip",
                },
            ]
        },
    )

    images: list[ImageInput] = Field(min_length=1, max_length=IMAGES_MAX)
    operations: list[Operation] = Field(min_length=1, max_length=OPERATIONS_MAX)
    on_error: Literal["fail", "skip"] = Field(
        "fail",
        description=(
            "when an image cannot be processed: `fail` the task and leave no new file, or `skip` it, say why in the "
            "result, and go on with the others"
        ),
    )
    max_pixels: int = Field(
        50_000_000,
        ge=1,
        le=89_000_000,
        description="refuse an image, or an enlargement, of more pixels; each takes 4 bytes of memory, several times",
    )


class ImageFacts(BaseModel):
    """What an image is, as a file."""

    format: str = Field(description="by content: `jpeg`, `png`, `webp`, `avif`, `gif`, `bmp`, `tiff`")
    width: int = Field(description="pixels, as stored")
    height: int = Field(description="pixels, as stored")
    size_bytes: int


class ImageOutcome(BaseModel):
    """What became of one image."""

    source: str = Field(description="the file's name; `created` for a test image")
    output: str | None = Field(None, description="the new file's name; null when it was skipped")
    output_file_id: UUID | None = Field(
        None, description="its id, unless its source is in `files/`: it is then one of the task's files"
    )
    before: ImageFacts | None = Field(None, description="null when it could not be read")
    after: ImageFacts | None = None
    error: str | None = Field(None, description="why it was skipped")


class ImagesProcessed(BaseModel):
    """What became of the images, in the order in which they were sent."""

    made: int
    skipped: int
    images: list[ImageOutcome]
