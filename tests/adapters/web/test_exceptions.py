"""The console's page of exceptions, and the page on which the glass is broken (T43)."""

from __future__ import annotations

from datetime import timedelta

from tests.desk.every_call import stood
from tests.support.office import GLASS, POLICY


async def test_t43_the_glass_is_broken_on_a_page_of_its_own_and_reviewed_by_another(house):
    await house.desk.service.apply_policy(POLICY + GLASS)
    asked = await house.desk.asked()
    path = f"/requests/{asked.request.id}"
    sam, ana, bo = [await house.signed_in(name) for name in ("sam", "ana", "bo")]

    card = (await sam.get(path)).text
    assert "break the glass" in card
    assert f'href="{path}/break-glass"' in card
    assert "/break-glass" not in (await bo.get(path)).text
    page = (await sam.get(path + "/break-glass")).text
    assert "You alone would approve this" in page
    assert "SELECT name FROM customers" in page
    assert "maria.lopez" not in page

    done = await sam.post(path + "/break-glass", {"reason": "both owners are asleep"}, at=path)
    assert (done.status_code, done.headers["location"]) == (303, "/exceptions?done=broken")
    own = (await sam.get("/exceptions?done=broken")).text
    assert "to be reviewed" in own
    assert "both owners are asleep" in own
    assert "/break-glass/review" not in own
    assert "Approved by break-glass" in (await bo.get(path)).text
    assert "both owners are asleep" not in (await bo.get("/exceptions")).text

    reviewed = await ana.post(
        path + "/break-glass/review", {"verdict": "unjustified", "comment": "bo was up"}, at="/exceptions"
    )
    assert reviewed.headers["location"] == "/exceptions?done=reviewed"
    after = (await ana.get("/exceptions")).text
    assert "unjustified" in after
    assert "Reviewed by Ana" in after


async def test_t43_a_stale_sign_in_leads_to_step_up_and_a_refusal_says_why(house):
    await house.desk.service.apply_policy(POLICY + GLASS)
    asked = await house.desk.asked()
    path = f"/requests/{asked.request.id}"
    sam, bo = await house.signed_in("sam"), await house.signed_in("bo")

    refused = await bo.post(path + "/break-glass", {"reason": "let me"}, at=path)
    assert refused.status_code == 403
    assert "not in a group" in refused.text
    unknown = await bo.post(
        path + "/break-glass/review", {"verdict": "maybe", "comment": "x"}, at="/exceptions"
    )
    assert unknown.status_code == 422
    house.desk.clock.forward(timedelta(minutes=6))
    stale = await sam.post(path + "/break-glass", {"reason": "both owners are asleep"}, at=path)
    assert stale.headers["location"].startswith("/step-up?next=")


async def test_t43_an_overdue_review_is_said_in_red(house):
    await house.desk.service.apply_policy(POLICY + GLASS)
    asked = await house.desk.asked()
    await house.desk.service.break_glass(asked.request.id, house.desk.actor("sam"), "both are asleep")
    house.desk.clock.forward(timedelta(hours=25))

    page = (await (await house.signed_in("ana")).get("/exceptions")).text

    assert "review overdue" in page
    assert "glass-overdue" in page


async def test_a_standing_approval_is_listed_and_taken_back(house):
    voted = await stood(house.desk)
    await house.desk.asked()
    ana, mia = await house.signed_in("ana"), await house.signed_in("mia")

    page = (await ana.get("/exceptions")).text
    assert "1 of 3" in page
    assert "Approved by Ana, Bo" in page
    assert "prod-customers" not in (await mia.get("/exceptions")).text
    refused = await mia.post(f"/exceptions/{voted.request.id}/revoke", {"reason": ""}, at="/exceptions")
    assert refused.status_code == 404

    done = await ana.post(f"/exceptions/{voted.request.id}/revoke", {"reason": "over"}, at="/exceptions")
    assert done.headers["location"] == "/exceptions?done=revoked"
    after = (await ana.get("/exceptions")).text
    assert "Taken back by Ana" in after
    assert "/revoke" not in after
