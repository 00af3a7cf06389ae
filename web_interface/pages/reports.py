"""Reports: issue one, find what was issued, say what reports consist of and which make themselves.

The frame with its tabs is delivered at once; what a tab shows follows when it is there.
"""

from __future__ import annotations

from nicegui import ui

from domain.access import Role
from web_interface.components import Hub, el
from web_interface.pages import reports_issue, reports_schedule, reports_templates, shell
from web_interface.pages.later import Later
from web_interface.services import Services

TABS = {"archive": reports_issue.build, "templates": reports_templates.build, "schedule": reports_schedule.build}


def register(services: Services, hub: Hub) -> None:
    """The page at /reports."""
    shell.offer("reports")

    @ui.page("/reports", title="")
    async def reports_page(tab: str = "archive", template: str = "", text: str = "") -> None:
        chosen = tab if tab in TABS else "archive"
        with shell.page(services, hub, active="reports", title_key="nav.reports") as page:
            with el("nav", "em-tabs", testid="reports-tabs", aria_label=page.t("nav.reports")):
                for name in TABS:
                    attrs = {"aria_current": "page"} if name == chosen else {}
                    with el("a", "em-tab", testid=f"reports-tab-{name}", href=f"/reports?tab={name}", **attrs):
                        el("span", text=page.t(f"reports.tab.{name}"))
            body = Later(page, "em-stack em-reports-body", f"reports-body-{chosen}")
        await body.fill(lambda: TABS[chosen](page, {"template": template[:60], "text": text[:200]}))


def may_change(page: shell.Page) -> bool:
    """Templates and schedules are an engineer's."""
    return page.viewer.may(Role.ENGINEER)
