import io
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageChops, ImageCms
from pydantic import ValidationError

from task_system import Cancelled, Fail
from task_system.registry import default_registry
from task_system.task_types.image_processing import ImageParameters, ImagesProcessed, image_processing
from task_system.task_types.image_processing.models import ImageOutcome
from task_system.testing import FakeContext

BIG = {"create": {"width": 400, "height": 200, "colour": "#ff0000", "colour_to": "#0000ff"}}


def run(ctx: FakeContext, images: list[Any], *operations: dict[str, Any], **parameters: Any) -> ImagesProcessed:
    return image_processing(
        ctx,
        ImageParameters(images=images, operations=[*(operations or [{"operation": "strip_metadata"}])], **parameters),
    )


def one(
    ctx: FakeContext, image: Any, *operations: dict[str, Any], **parameters: Any
) -> tuple[ImageOutcome, Image.Image]:
    source = {"filename": image} if isinstance(image, str) else image
    [outcome] = run(ctx, [source], *operations, **parameters).images
    assert outcome.output is not None
    assert outcome.after is not None
    path = path_of(ctx, outcome)
    with Image.open(path) as made:
        made.load()
        assert outcome.after.model_dump() == {
            "format": str(made.format).lower(),
            "width": made.width,
            "height": made.height,
            "size_bytes": path.stat().st_size,
        }
        return outcome, made


def path_of(ctx: FakeContext, outcome: ImageOutcome) -> Path:
    if outcome.output_file_id is None:
        return ctx.data_dir / "files" / str(outcome.output)
    return ctx.local_path(outcome.output_file_id)


def fails(ctx: FakeContext, image: Any, *operations: dict[str, Any], **parameters: Any) -> str:
    before = sorted((ctx.data_dir / "files").iterdir())
    with pytest.raises(Fail) as failure:
        one(ctx, image, *operations, **parameters)
    assert sorted((ctx.data_dir / "files").iterdir()) == before
    assert str(ctx.data_dir) not in str(failure.value)
    return str(failure.value)


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))


def noted(image: Image.Image, orientation: int = 1) -> Image.Exif:
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Camera & Sons"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif


def test_the_type_is_registered_with_examples_that_validate() -> None:
    assert default_registry.get("image_processing").lane == "image_processing"
    for example in ImageParameters.model_json_schema()["examples"]:
        ImageParameters.model_validate(example)


@pytest.mark.parametrize(
    ("image", "operation", "message"),
    [
        ({}, {}, "exactly one of"),
        ({"filename": "a", **BIG}, {}, "exactly one of"),
        ({"filename": "../a"}, {}, "`..`"),
        ({"create": {"width": 0, "height": 1}}, {}, "greater than or equal to 1"),
        ({"create": {"width": 1, "height": 1, "colour": "red"}}, {}, "pattern"),
        (BIG, {"operation": "paint"}, "'resize', 'thumbnail'"),
        (BIG, {"operation": "resize"}, "send `width`, `height` or both"),
        (BIG, {"operation": "resize", "mode": "cover", "width": 1}, "needs `width` and `height`"),
        (BIG, {"operation": "resize", "width": 20_000}, "less than or equal to"),
        (BIG, {"operation": "convert", "format": "png", "quality": 5}, "png keeps every pixel"),
        (BIG, {"operation": "watermark", "text": "a\nb"}, "pattern"),
    ],
)
def test_parameters_that_are_refused(image: Any, operation: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        ImageParameters(images=[image], operations=[operation or {"operation": "strip_metadata"}])
    assert message in str(error.value)


# --- sources


def test_a_test_image_is_made_even_where_there_is_no_folder_yet(tmp_path: Path) -> None:
    outcome, made = one(FakeContext(tmp_path / "new"), BIG)
    assert outcome.source == "created"
    assert outcome.before is not None
    assert (outcome.before.format, outcome.before.width, outcome.before.height) == ("png", 400, 200)
    left, right = made.getpixel((0, 100)), made.getpixel((399, 100))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert (left[0] > 250, left[2] < 5) == (True, True)
    assert (right[2] > 250, right[0] < 5) == (True, True)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif"])
def test_formats_that_can_be_written_stay_what_they_are(ctx: FakeContext, kind: str) -> None:
    outcome, _ = one(ctx, {"create": {"width": 8, "height": 8, "format": kind}})
    assert outcome.before is not None
    assert outcome.after is not None
    assert outcome.before.format == outcome.after.format == kind


@pytest.mark.parametrize("kind", ["gif", "bmp", "tiff"])
def test_other_formats_become_png(ctx: FakeContext, files: Path, kind: str) -> None:
    picture = Image.new("RGB", (9, 7), "#123456")
    picture.save(files / "a", kind)
    outcome, made = one(ctx, "a")
    assert outcome.before is not None
    assert (outcome.before.format, outcome.before.size_bytes) == (kind, (files / "a").stat().st_size)
    assert made.convert("RGB").getpixel((3, 3)) == (0x12, 0x34, 0x56)


def test_the_content_counts_and_not_the_name(ctx: FakeContext, files: Path) -> None:
    noise(5, 5).save(files / "photo.2024.jpg", "PNG")
    outcome, _ = one(ctx, "photo.2024.jpg")
    assert outcome.output == f"photo.2024-{ctx.task_id}-1.png"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB"])
def test_every_mode_goes_through_every_operation(ctx: FakeContext, files: Path, mode: str) -> None:
    Image.new(mode, (40, 30)).save(files / "a", "TIFF" if mode in {"CMYK", "F", "YCbCr", "LAB", "I", "PA"} else "PNG")
    _, made = one(
        ctx,
        "a",
        {"operation": "rotate_by_exif"},
        {"operation": "resize", "width": 80},
        {"operation": "crop", "width": 50, "height": 50},
        {"operation": "watermark", "text": "x"},
        {"operation": "thumbnail", "size": 25},
        {"operation": "convert", "format": "jpeg"},
    )
    assert made.size == (25, 25)


def test_sixteen_bits_of_grey_keep_their_brightness(ctx: FakeContext, files: Path) -> None:
    Image.new("I;16", (4, 4), 40_000).save(files / "a.png")
    _, made = one(ctx, "a.png")
    assert made.getpixel((0, 0)) == 40_000 // 256


def test_a_picture_is_read_from_an_animation(ctx: FakeContext, files: Path) -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("#ff0000", "#00ff00")]
    frames[0].save(files / "a.gif", save_all=True, append_images=frames[1:])
    _, made = one(ctx, "a.gif")
    assert made.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


# --- operations


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ({"operation": "resize", "width": 100, "height": 100}, (100, 50)),
        ({"operation": "resize", "width": 800, "height": 800}, (800, 400)),
        ({"operation": "resize", "height": 50}, (100, 50)),
        ({"operation": "resize", "width": 1}, (1, 1)),
        ({"operation": "resize", "mode": "cover", "width": 100, "height": 100}, (100, 100)),
        ({"operation": "resize", "mode": "exact", "width": 30, "height": 90}, (30, 90)),
        ({"operation": "thumbnail", "size": 100}, (100, 50)),
        ({"operation": "thumbnail", "size": 500}, (400, 200)),
        ({"operation": "crop", "left": 300, "top": 100, "width": 100, "height": 100}, (100, 100)),
    ],
)
def test_sizes(ctx: FakeContext, operation: dict[str, Any], size: tuple[int, int]) -> None:
    assert one(ctx, BIG, operation)[1].size == size


def test_cover_cuts_both_sides_alike(ctx: FakeContext, files: Path) -> None:
    picture = Image.new("RGB", (300, 100), "#00ff00")
    picture.paste("#ff0000", (0, 0, 90, 100))
    picture.paste("#ff0000", (210, 0, 300, 100))
    picture.save(files / "a.png")
    _, made = one(ctx, "a.png", {"operation": "resize", "mode": "cover", "width": 100, "height": 100})
    assert made.getcolors() == [(10_000, (0, 255, 0))]


def test_operations_are_done_in_their_order(ctx: FakeContext) -> None:
    crop = {"operation": "crop", "width": 100, "height": 100}
    small = {"operation": "resize", "width": 100}
    assert one(ctx, BIG, crop, small)[1].size == (100, 100)
    assert "the crop reaches to 100 by 100, the image only to 100 by 50" in fails(ctx, BIG, small, crop)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("operation", ["rotate_by_exif", "strip_metadata"])
def test_every_orientation_ends_upright(ctx: FakeContext, files: Path, orientation: int, operation: str) -> None:
    upright = Image.new("RGB", (40, 20), "#000000")
    upright.paste("#ffffff", (0, 0, 8, 8))
    stored = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    turned = upright
    for turn in stored:
        turned = turned.transpose(turn)
    turned.save(files / "a.png", exif=noted(turned, orientation))
    _, made = one(ctx, "a.png", {"operation": operation})
    assert ImageChops.difference(made.convert("RGB"), upright).getbbox() is None
    assert ExifTags.Base.Orientation not in made.getexif()
    assert (ExifTags.Base.Make in made.getexif()) == (operation == "rotate_by_exif")


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif"])
def test_what_the_camera_noted_is_kept_until_it_is_stripped(ctx: FakeContext, files: Path, kind: str) -> None:
    picture = noise(20, 20)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.save(files / "a.jpg", exif=noted(picture), icc_profile=profile, comment=b"a secret remark")
    _, kept = one(ctx, "a.jpg", {"operation": "convert", "format": kind})
    assert kept.getexif()[ExifTags.Base.Make] == "Camera & Sons"
    assert kept.getexif().get_ifd(ExifTags.IFD.GPSInfo) == {ExifTags.GPS.GPSLatitudeRef: "N"}
    assert kept.info["icc_profile"] == profile
    outcome, stripped = one(ctx, "a.jpg", {"operation": "convert", "format": kind}, {"operation": "strip_metadata"})
    assert not stripped.getexif()
    assert stripped.info["icc_profile"] == profile
    content = (files / str(outcome.output)).read_bytes()
    assert b"Camera" not in content
    assert b"secret" not in content


# to the operator, by Pillow
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_notes_do_not_lose_the_image(ctx: FakeContext, files: Path) -> None:
    noise(5, 5).save(files / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\xff\xff garbage")
    assert one(ctx, "a.jpg", {"operation": "rotate_by_exif"})[1].size == (5, 5)


def test_transparency_survives_and_jpeg_gets_a_background(ctx: FakeContext, files: Path) -> None:
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(files / "a.png")
    _, webp = one(ctx, "a.png", {"operation": "convert", "format": "webp"})
    assert webp.getpixel((5, 5)) == (0, 0, 0, 0)
    _, jpeg = one(ctx, "a.png", {"operation": "convert", "format": "jpeg", "background": "#0f0", "quality": 100})
    pixel = jpeg.getpixel((5, 5))
    assert isinstance(pixel, tuple)
    assert (pixel[1] > 250, pixel[0] < 5) == (True, True)


def test_quality_makes_files_smaller(ctx: FakeContext, files: Path) -> None:
    noise(100, 100).save(files / "a.png")
    for kind in ("jpeg", "webp", "avif"):
        low, high = (
            one(ctx, "a.png", {"operation": "convert", "format": kind, "quality": quality})[0].after
            for quality in (10, 95)
        )
        assert low is not None
        assert high is not None
        assert low.size_bytes < high.size_bytes / 2


@pytest.mark.parametrize(
    ("position", "corner"),
    [("top_left", (0, 0)), ("top_right", (1, 0)), ("bottom_left", (0, 1)), ("bottom_right", (1, 1))],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_watermark_stands_in_its_corner(
    ctx: FakeContext, files: Path, position: str, corner: tuple[int, int], mode: str
) -> None:
    plain = Image.new(mode, (300, 300))
    plain.save(files / "a.png")
    _, made = one(ctx, "a.png", {"operation": "watermark", "text": "Ann", "position": position, "colour": "#ff0000"})
    box = ImageChops.difference(made.convert("RGB"), plain.convert("RGB")).getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert (left > 150, top > 150) == (right > 150, bottom > 150) == (bool(corner[0]), bool(corner[1]))


def test_a_long_watermark_stays_inside(ctx: FakeContext) -> None:
    image = {"create": {"width": 200, "height": 200, "colour": "#000"}}
    _, made = one(ctx, image, {"operation": "watermark", "text": "W" * 30, "size_percent": 100, "position": "centre"})
    box = made.convert("L").getbbox()
    assert box is not None
    assert box[0] >= 3
    assert box[2] <= 197
    assert one(ctx, {"create": {"width": 1, "height": 1}}, {"operation": "watermark", "text": "W"})[1].size == (1, 1)


# --- what is wrong with images


def bomb(side: int) -> bytes:
    """A PNG file of `side` by `side` black pixels, small as a file."""
    encoded = io.BytesIO()
    Image.new("1", (side, side)).save(encoded, "PNG")
    return encoded.getvalue()


@pytest.mark.parametrize("side", [8_000, 12_000, 15_000])
def test_bombs_are_refused_before_they_are_decoded(ctx: FakeContext, files: Path, side: int) -> None:
    (files / "bomb.png").write_bytes(bomb(side))
    tracemalloc.start()
    try:
        assert "of `max_pixels`" in fails(ctx, "bomb.png")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 5_000_000


def test_enlarging_beyond_the_limit_is_refused(ctx: FakeContext) -> None:
    for mode in ("exact", "cover", "fit"):
        reason = fails(ctx, BIG, {"operation": "resize", "mode": mode, "width": 16_000, "height": 16_000})
        assert "more than the 50,000,000 of `max_pixels`" in reason
    assert "400 by 200" in fails(ctx, BIG, max_pixels=79_999)
    assert one(ctx, BIG, max_pixels=80_000)[1].size == (400, 200)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_files_that_are_cut_off_are_refused(ctx: FakeContext, files: Path, kind: str, share: float) -> None:
    encoded = io.BytesIO()
    noise(100, 100).save(encoded, kind)
    content = encoded.getvalue()
    (files / "a").write_bytes(content[: int(len(content) * share)])
    reason = fails(ctx, "a")
    assert "damaged" in reason


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", os.urandom(1000)],
    ids=["empty", "text", "only a signature", "a program", "random"],
)
def test_what_is_no_image_is_refused(ctx: FakeContext, files: Path, content: bytes) -> None:
    (files / "a.png").write_bytes(content)
    assert "Image 1, `a.png`: no image in a format that is known" in fails(ctx, "a.png")


def test_a_wrong_checksum_is_damage(ctx: FakeContext, files: Path) -> None:
    content = bytearray(bomb(50))
    at = content.index(b"IDAT") + 8
    content[at] ^= 0xFF
    (files / "a.png").write_bytes(content)
    assert "damaged" in fails(ctx, "a.png")


def test_what_a_format_has_no_room_for_is_refused(ctx: FakeContext, files: Path) -> None:
    Image.new("L", (16_384, 1)).save(files / "a.png")
    reason = fails(ctx, "a.png", {"operation": "convert", "format": "webp"})
    assert "webp has room for 16,383 pixels a side, not 16,384" in reason


# --- several images


def three(files: Path) -> list[dict[str, str]]:
    (files / "sub").mkdir()
    noise(10, 10).save(files / "a.png")
    (files / "b.png").write_bytes(b"broken")
    noise(10, 10).save(files / "sub" / "a.png")
    return [{"filename": name} for name in ("a.png", "b.png", "sub/a.png", "missing.png", "a.png")]


def test_a_bad_image_is_skipped_by_choice(ctx: FakeContext, files: Path) -> None:
    result = run(ctx, three(files), on_error="skip")
    assert (result.made, result.skipped) == (3, 2)
    assert [outcome.output for outcome in result.images] == [
        f"a-{ctx.task_id}-1.png",
        None,
        f"sub/a-{ctx.task_id}-3.png",
        None,
        f"a-{ctx.task_id}-5.png",
    ]
    assert "no image" in str(result.images[1].error)
    assert "`missing.png` is not in the data folder" in str(result.images[3].error)
    assert ctx.percents == [0, 20, 40, 60, 80, 100]
    assert ctx.reports[2].message == "image 3 of 5"


def test_a_bad_image_fails_the_task_otherwise_and_no_file_is_left(ctx: FakeContext, files: Path) -> None:
    images = three(files)
    before = sorted(files.rglob("*"))
    with pytest.raises(Fail, match=r"Image 2, `b\.png`: no image"):
        run(ctx, images)
    assert sorted(files.rglob("*")) == before


def test_nothing_but_bad_images_fails_the_task(ctx: FakeContext, files: Path) -> None:
    (files / "b.png").write_bytes(b"broken")
    with pytest.raises(Fail, match=r"None of the 2 images could be processed\. The first one: no image"):
        run(ctx, [{"filename": "b.png"}] * 2, on_error="skip")


@pytest.mark.parametrize("looks", range(8))
def test_a_cancel_is_heard_anywhere_and_leaves_nothing(ctx: FakeContext, files: Path, looks: int) -> None:
    with pytest.raises(Cancelled):
        run(FakeContext(ctx.data_dir, cancel_after=looks), [BIG, BIG, BIG])
    assert list(files.iterdir()) == []


def test_a_repeated_attempt_makes_the_same_files(ctx: FakeContext, files: Path) -> None:
    noise(10, 10).save(files / "a.png")
    images = [{"filename": "a.png"}] * 2
    first = run(ctx, images)
    assert run(FakeContext(ctx.data_dir, task_id=ctx.task_id, attempt=2), images) == first
    assert len(list(files.iterdir())) == 3


def test_names_do_not_grow_from_task_to_task(ctx: FakeContext, files: Path) -> None:
    noise(10, 10).save(files / "a.png")
    outcome, _ = one(ctx, "a.png")
    again = FakeContext(ctx.data_dir)
    assert one(again, str(outcome.output))[0].output == f"a-{again.task_id}-1.png"


def test_what_is_made_of_an_image_by_id_has_an_id(ctx: FakeContext, files: Path) -> None:
    content = io.BytesIO()
    noise(10, 10).save(content, "PNG")
    uploaded = {"filename": {"file_id": str(ctx.add_file("photo.png", content.getvalue()))}}
    outcome, _ = one(ctx, uploaded)
    assert (outcome.source, outcome.output) == ("photo.png", "photo-1.png")
    assert list(ctx.created) == [outcome.output_file_id]
    assert list(files.iterdir()) == []


def test_an_image_that_is_not_there_may_be_skipped(ctx: FakeContext) -> None:
    missing = {"filename": {"file_id": "0192f0c1-2f4b-7cc0-9d36-5b1e3c7a8d10"}}
    result = run(ctx, [BIG, missing], on_error="skip")
    assert "There is no file" in str(result.images[1].error)
    assert (result.made, len(ctx.created)) == (1, 1)
