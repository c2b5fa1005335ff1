"""Operations `encrypt` and `decrypt`: AES-256-GCM with a key that scrypt makes of a passphrase.

The file: 8 bytes that name the format, 16 of salt, 7 of nonce; then chunks of 1 MiB, each with its 16 bytes of tag. The
nonce of a chunk is those 7 bytes, its number in 4 and whether it is the last in 1, so that chunks can be neither
exchanged nor cut off. The header is authenticated with each of them. What scrypt costs is part of the format and not of
the file, where a stranger could ask for more.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from task_system import Context, Fail
from task_system.task_types.data_files import NewFile, new_file, percent, read_file, size_bytes, split_ending
from task_system.task_types.file_processing.models import FileMade, FileParameters
from task_system.task_types.file_processing.progress import CHUNK_BYTES, Output
from task_system.task_types.secret_values import SecretReference, resolve

ENDING = ".encrypted"

_FORMAT = b"taskenc\x01"
_SALT_BYTES = 16
_NONCE_BYTES = 7
_HEADER_BYTES = len(_FORMAT) + _SALT_BYTES + _NONCE_BYTES
_TAG_BYTES = 16
#: 64 MiB of memory and about a quarter of a second.
_COST = {"n": 2**16, "r": 8, "p": 2}


def encrypt(ctx: Context, parameters: FileParameters) -> FileMade:
    """The file, for those who know the passphrase. Twice the same file gives different ones."""
    stem, ending = split_ending(parameters.source)
    header = _FORMAT + os.urandom(_SALT_BYTES + _NONCE_BYTES)
    with (
        read_file(ctx, parameters.source) as source,
        new_file(ctx, parameters.source, stem, ending + ENDING) as made,
    ):
        cipher = _cipher(ctx, parameters, header)
        output = Output(made.stream)
        output.write(header)
        for nonce, chunk in _chunks(ctx, source, header, CHUNK_BYTES, "encrypting"):
            output.write(cipher.encrypt(nonce, chunk, header))
        return _made("encrypt", parameters, size_bytes(source), made, output)


def decrypt(ctx: Context, parameters: FileParameters) -> FileMade:
    """What `encrypt` was given. Raises Fail for a wrong passphrase and for a file that was changed or cut off."""
    with (
        read_file(ctx, parameters.source) as source,
        new_file(ctx, parameters.source, *_decrypted_name(parameters.source)) as made,
    ):
        header = source.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES or not header.startswith(_FORMAT):
            raise Fail(f"`{parameters.source}` was not made by `encrypt`")
        cipher = _cipher(ctx, parameters, header)
        output = Output(made.stream)
        try:
            for nonce, chunk in _chunks(ctx, source, header, CHUNK_BYTES + _TAG_BYTES, "decrypting"):
                output.write(cipher.decrypt(nonce, chunk, header))
        except InvalidTag:
            raise Fail(f"The passphrase is wrong, or `{parameters.source}` was changed or cut off") from None
        return _made("decrypt", parameters, size_bytes(source), made, output)


def _cipher(ctx: Context, parameters: FileParameters, header: bytes) -> AESGCM:
    passphrase = parameters.passphrase
    assert passphrase is not None
    text = resolve(ctx, passphrase) if isinstance(passphrase, SecretReference) else passphrase
    salt = header[len(_FORMAT) : len(_FORMAT) + _SALT_BYTES]
    return AESGCM(Scrypt(salt=salt, length=32, **_COST).derive(text.encode()))


def _chunks(
    ctx: Context, source: BinaryIO, header: bytes, chunk_bytes: int, doing: str
) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk with its nonce; at least one, which may be empty."""
    total = size_bytes(source)
    number = 0
    chunk = source.read(chunk_bytes)
    while True:
        following = source.read(chunk_bytes)
        yield header[-_NONCE_BYTES:] + struct.pack(">I?", number, not following), chunk
        ctx.progress(percent(source.tell(), total), doing, bytes=source.tell())
        if not following:
            return
        chunk = following
        number += 1


def _decrypted_name(filename: str) -> tuple[str, str]:
    stem, ending = split_ending(filename)
    return split_ending(stem) if ending.lower() == ENDING else (stem, f"{ending}.decrypted")


def _made(
    operation: Literal["encrypt", "decrypt"], parameters: FileParameters, size: int, made: NewFile, output: Output
) -> FileMade:
    return FileMade(
        operation=operation,
        filename=parameters.source,
        size_bytes=size,
        output=made.name,
        output_file_id=made.file_id,
        output_bytes=output.size_bytes,
        output_sha256=output.sha256,
        ratio=None,
        records=None,
    )
