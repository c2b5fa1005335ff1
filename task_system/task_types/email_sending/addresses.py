"""Addresses of e-mail, as people write them and as SMTP wants them."""

import re
from email.headerregistry import Address

from email_validator import EmailNotValidError, validate_email

#: `Ann Lee <ann@example.com>`, `"Lee, Ann" <ann@example.com>`; any script, quotes where punctuation asks for them.
_NAMED = re.compile(r"""(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^<>"@,;:\\]*))\s*<(?P<address>[^<>]*)>""")

#: Domains that no name server knows, and that a development machine's mail may well go to.
_LOCAL = re.compile(r"@([^@]*\.)?local(host)?", re.IGNORECASE)
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
    text = text.strip()
    named = _NAMED.fullmatch(text)
    if named is None:
        return Address(addr_spec=_checked(text))
    name = re.sub(r"\\(.)", r"\1", named["quoted"]) if named["quoted"] is not None else named["plain"].strip()
    return Address(name, addr_spec=_checked(named["address"]))


def _checked(address: str) -> str:
    is_local = _LOCAL.fullmatch(address, address.find("@")) if "@" in address else None
    try:
        found = validate_email(
            address + _STAND_IN if is_local else address, check_deliverability=False, test_environment=True
        )
    except EmailNotValidError as error:
        raise ValueError(f"{address[:200]!r} is no e-mail address: {error}") from None
    if found.ascii_email is None:
        raise ValueError(f"{address[:200]!r} cannot be used: before the @ only ASCII letters pass every mail server")
    return found.ascii_email.removesuffix(_STAND_IN) if is_local else found.ascii_email
