"""Image after image through all operations."""

from contextlib import ExitStack
from typing import BinaryIO

from task_system import Context, Fail
from task_system.task_types.data_files import named, new_file, remove_file, split_ending
from task_system.task_types.image_processing.decoding import ImageRefused, decode
from task_system.task_types.image_processing.encoding import ENDINGS, check_format, encode
from task_system.task_types.image_processing.models import (
    Convert,
    ImageFacts,
    ImageInput,
    ImageOutcome,
    ImageParameters,
    ImagesProcessed,
)
from task_system.task_types.image_processing.operations import apply
from task_system.task_types.image_processing.sources import CREATED, open_input


def process(ctx: Context, parameters: ImageParameters) -> ImagesProcessed:
    """All images, one after the other."""
    for operation in parameters.operations:
        if isinstance(operation, Convert):
            check_format(operation.format)
    total = len(parameters.images)
    outcomes: list[ImageOutcome] = []
    with ExitStack() as unless_delivered:
        for number, source in enumerate(parameters.images, 1):
            ctx.progress(100 * (number - 1) / total, f"image {number} of {total}", images=number - 1)
            outcome = _outcome(ctx, parameters, source, number)
            if outcome.output is not None:
                unless_delivered.callback(remove_file, ctx, outcome.output, outcome.output_file_id)
            elif parameters.on_error == "fail":
                raise Fail(f"Image {number}, `{outcome.source}`: {outcome.error}")
            outcomes.append(outcome)
        made = sum(outcome.output is not None for outcome in outcomes)
        if not made:
            raise Fail(f"None of the {total} images could be processed. The first one: {outcomes[0].error}")
        ctx.progress(100, "done", images=total)
        unless_delivered.pop_all()
    return ImagesProcessed(made=made, skipped=total - made, images=outcomes)


def _outcome(ctx: Context, parameters: ImageParameters, source: ImageInput, number: int) -> ImageOutcome:
    outcome = ImageOutcome(source=source.filename or CREATED)
    try:
        file = named(ctx, source.filename) if source.filename else None
        outcome.source = file or CREATED
        with open_input(ctx, file, source.create) as stream:
            _process(ctx, parameters, stream, number=number, file=file, outcome=outcome)
    except (ImageRefused, Fail) as error:
        outcome.error = str(error)
    return outcome


def _process(
    ctx: Context,
    parameters: ImageParameters,
    stream: BinaryIO,
    *,
    number: int,
    file: str | None,
    outcome: ImageOutcome,
) -> None:
    """Fill the outcome in, as far as it goes."""
    outcome.before, picture = decode(stream, _size_bytes(stream), parameters.max_pixels)
    for operation in parameters.operations:
        ctx.check_cancelled()
        apply(picture, operation)
    kind = picture.target.format
    stem, _ = split_ending(outcome.source)
    ctx.check_cancelled()
    with new_file(ctx, file, stem, ENDINGS[kind], number=number) as made:
        encode(picture, made.stream)
        made.stream.flush()
        size_bytes = _size_bytes(made.stream)
    width, height = picture.pixels.size
    outcome.after = ImageFacts(format=kind, width=width, height=height, size_bytes=size_bytes)
    outcome.output, outcome.output_file_id = made.name, made.file_id


def _size_bytes(stream: BinaryIO) -> int:
    """Of a file or of a buffer, which is left where it was."""
    here = stream.tell()
    size = stream.seek(0, 2)
    stream.seek(here)
    return size
