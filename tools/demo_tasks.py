"""Task types of an imaginary shop, for pictures of the dashboard."""

import random
import time

from pydantic import BaseModel, Field

from task_system import Context, Fail, RetryPolicy, schedule, task_type


class Invoice(BaseModel):
    order: int = Field(description="number of the order")
    customer: str
    lines: int = Field(3, ge=1, le=500)


class Payment(BaseModel):
    order: int
    amount: float = Field(gt=0, description="euros")


class Video(BaseModel):
    source: str = Field(description="where the film lies")
    height: int = Field(1080, description="pixels")
    codec: str = "av1"


class Import(BaseModel):
    supplier: str
    rows: int = 10_000


class Newsletter(BaseModel):
    edition: str
    segment: str = Field("all", description="who gets it")


@task_type("invoice_render", retry=RetryPolicy(max_attempts=3, base_s=0.4), example={"order": 4711, "customer": "Ada"})
def invoice_render(ctx: Context, parameters: Invoice) -> dict[str, object]:
    """Render an order's invoice as PDF."""
    ctx.log.info("rendering order %d for %s", parameters.order, parameters.customer)
    time.sleep(random.uniform(0.02, 0.12))
    if parameters.order % 11 == 0 and ctx.attempt == 1:
        raise ConnectionError("fonts.internal did not answer within 2 s")
    return {"pages": 1 + parameters.lines // 20, "total": 1234.5, "file": f"invoice-{parameters.order}.pdf"}


@task_type("video_transcode", retry=RetryPolicy(max_attempts=2), timeout_s=3600, example={"source": "tour.mov"})
def video_transcode(ctx: Context, parameters: Video) -> dict[str, object]:
    """Make a film smaller."""
    frames = 9000
    for second in range(180):
        ctx.log.info("frame %d of %d, %.1f frames a second", second * 50, frames, 49.7)
        ctx.progress(
            30 + second / 3, f"second pass, {parameters.codec} at {parameters.height} lines", frame=second * 50
        )
        time.sleep(1)
    return {"frames": frames}


@task_type("supplier_import", retry=RetryPolicy(max_attempts=3, base_s=0.3), example={"supplier": "Nordwind"})
def supplier_import(_ctx: Context, parameters: Import) -> dict[str, object]:
    """Read a supplier's price list."""
    time.sleep(random.uniform(0.2, 0.7))
    if parameters.supplier == "Südwind":
        raise ValueError(f"line {parameters.rows // 7}: 'price' is not a number: '12,90 €'")
    return {"rows": parameters.rows, "changed": parameters.rows // 9, "supplier": parameters.supplier}


@task_type("payment_capture", retry=RetryPolicy(max_attempts=2, base_s=0.2), example={"order": 4711, "amount": 12.5})
def payment_capture(_ctx: Context, parameters: Payment) -> dict[str, object]:
    """Take the money for an order."""
    time.sleep(0.15)
    if parameters.amount > 1000:
        raise Fail(f"card of order {parameters.order} was declined: insufficient funds")
    if parameters.amount > 300:
        raise ConnectionResetError("[Errno 104] Connection reset by peer: pay.example:443")
    return {"captured": parameters.amount}


@task_type("newsletter", retry=RetryPolicy(max_attempts=4, base_s=600), example={"edition": "2026-11"})
def newsletter(_ctx: Context, parameters: Newsletter) -> dict[str, object]:
    """Send the month's letter."""
    if parameters.segment == "trial":
        raise TimeoutError("smtp.mail.example:587: connection timed out")
    time.sleep(0.05)
    return {"sent": 1840}


schedule(
    "price-lists", "supplier_import", cron="15 6 * * 1-5", timezone="Europe/Berlin", parameters={"supplier": "Nordwind"}
)
schedule("monthly-letter", "newsletter", cron="0 9 1 * *", timezone="Europe/Berlin", parameters={"edition": "next"})
