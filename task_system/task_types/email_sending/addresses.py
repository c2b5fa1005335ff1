"""Addresses of e-mail, as people write them and as SMTP wants them."""

import re
from email.headerregistry import Address

from email_validator import EmailNotValidError, validate_email

#: Domains that no name server knows, and that a development machine's mail may well go to.
_LOCAL = re.compile(r"(@(?:[^@<>]*\.)?local(?:host)?)(>?\s*)$", re.IGNORECASE)
#: The validator takes this one, so a local domain is checked with it added.
_STAND_IN = ".test"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check_header(text: str) -> str:
    """The text, unchanged. Raises ValueError when it could end a header and begin another."""
    if _CONTROL.search(text):
        raise ValueError("must be one line: remove line breaks and control characters")
    return text


def parse_address(text: str) -> Address:
    """`ann@example.com` or `Ann Lee <ann@example.com>`; a domain in other scripts becomes ASCII.

    Nothing is looked up: example.test and localhost are as good as any. Raises ValueError that says what is wrong.
    """
    check_header(text)
    local = _LOCAL.search(text)
    checked = text[: local.start()] + local[1] + _STAND_IN + local[2].strip() if local else text.strip()
    try:
        found = validate_email(
            checked,
            allow_display_name=True,
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise ValueError(f"{text[:200]!r} is no e-mail address: {error}") from None
    if found.ascii_email is None:
        raise ValueError(f"{text[:200]!r} cannot be used: before the @ only ASCII letters pass every mail server")
    address = found.ascii_email.removesuffix(_STAND_IN) if local else found.ascii_email
    return Address(found.display_name or "", addr_spec=address)
