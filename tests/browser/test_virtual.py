"""The pages of virtual tags in a real browser: the list, and an editor that answers while one types."""

from __future__ import annotations

from tests.browser.conftest import Visit, at


async def test_a_mistake_is_shown_below_its_place_while_typing_and_the_value_when_it_is_right(visit: Visit) -> None:
    page = await visit("/admin/virtual", user="engineer")
    await page.wait_for_selector(at("virtual-table"))
    await page.click(f"{at('virtual-table')} tbody tr:has-text('shop.reserve')")
    await page.wait_for_selector(at("virtual-chart"))
    await page.fill(at("field-formula"), "main.active_power + main.energy_import")
    await page.wait_for_selector(at("virtual-caret"))
    assert "kW и kWh не сочетаются" in await page.inner_text(at("virtual-problem"))
    formula, caret = (await page.inner_text(at("virtual-caret"))).split("\n")
    assert formula[caret.index("^") :] == "main.energy_import"
    await page.fill(at("field-formula"), "160 kW - main.active_power")
    await page.wait_for_selector(at("virtual-good"))
    assert "кВт" in await page.inner_text(at("virtual-value"))
    await page.click(at("virtual-save"))
    await page.wait_for_selector(at("virtual-table"))


async def test_a_new_tag_needs_its_name(visit: Visit) -> None:
    page = await visit("/admin/virtual/new", user="engineer")
    await page.fill(at("field-formula"), "2 * main.active_power")
    await page.wait_for_selector(at("virtual-good"))
    await page.click(at("virtual-save"))
    await page.wait_for_selector(f".q-field:has({at('field-tag')}) .q-field__messages [role=alert]")
    assert page.url.endswith("/new")


async def test_an_operator_is_turned_away(visit: Visit, site: str) -> None:
    page = await visit("/", user="operator")
    for path in ("", "/new", "/shop.reserve/edit"):
        assert (await page.request.get(f"{site}/admin/virtual{path}")).status == 403


async def test_points_are_chosen_from_the_tree_of_a_server(visit: Visit) -> None:
    page = await visit("/admin/devices/new/form?line=dmg")
    await page.click(at("device-nodes"))
    await page.click(f"{at('node-table')} tr:has-text('Machine') button")
    await page.wait_for_selector(f"{at('node-table')} tr:has-text('progStatus')")
    for name in ("progStatus", "driveLoad"):
        await page.click(f"{at('node-table')} tr:has-text('{name}') button >> nth=0")
    await page.wait_for_selector(at("node-point-1"))
    assert await page.input_value(at("node-tag-0")) == "execution_state"
    await page.click(at("node-drop-0"))
    await page.wait_for_selector(at("node-point-1"), state="detached")
    assert await page.input_value(at("node-tag-0")) == "spindle_load"
    await page.fill(at("node-tag-0"), "load_x")
    await page.click(at("node-crumb-0"))
    await page.wait_for_selector(f"{at('node-table')} tr:has-text('Server')")
    await page.click(at("node-take"))
    await page.wait_for_selector(f"{at('device-note')}:has-text('1')")
    assert await page.locator(at("field-profile")).count() == 0


async def test_the_wizard_offers_the_tree_where_devices_have_no_address(visit: Visit) -> None:
    page = await visit("/admin/devices/new?line=dmg")
    await page.wait_for_selector(at("wizard-line"))
    await page.click(at("wizard-next"))
    await page.click(at("wizard-nodes"))
    await page.click(f"{at('node-table')} tr:has-text('Machine') button")
    await page.click(f"{at('node-table')} tr:has-text('driveLoad') button >> nth=0")
    await page.click(f"{at('node-dialog')} {at('node-take')}")
    await page.wait_for_selector(f"{at('wizard-chosen')} {at('node-point-0')}")
    await page.click(at("wizard-next"))
    await page.wait_for_selector(f"{at('step-read')}[aria-current=step]")  # the points are the device's profile
    await page.click(at("wizard-back"))
    await page.wait_for_selector(f"{at('wizard-chosen')} {at('node-point-0')}")


async def test_the_wizard_listens_where_devices_send_by_themselves(visit: Visit) -> None:
    page = await visit("/admin/devices/new")
    await page.click(at("wizard-new-line"))
    await page.click(at("line-transport"))
    await page.click(".q-menu .q-item:has-text('MQTT')")
    await page.fill(at("field-topic"), "sensor/#")
    await page.fill(at("field-id"), "bus")
    await page.fill(at("field-host"), "10.0.4.9")
    await page.click(at("line-save"))
    await page.wait_for_selector(at("line-dialog"), state="detached")
    await page.click(at("wizard-next"))
    await page.click(at("wizard-survey"))
    await page.click(f"{at('survey-table')} tr:has-text('3.42') button")
    await page.wait_for_selector(at("node-point-0"))
    assert await page.input_value(at("node-tag-0")) == "active_power"
