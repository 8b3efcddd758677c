"""A notebook as a student sees it, in Notebook 7 or JupyterLab, in a page or in an iframe."""

from __future__ import annotations

from playwright.sync_api import FrameLocator, Locator, Page, expect

IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"


class Notebook:
    """The open notebook; JupyterLab drops a cell that is run before its kernel answers, so `ready` waits for that."""

    def __init__(self, page: Page, within: Page | FrameLocator) -> None:
        self.page = page
        self.within = within
        self.panel = within.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        # In Notebook 7 it is not inside the panel, and in JupyterLab each notebook has one.
        self.toolbar = within.locator(".jp-Toolbar:visible", has=within.locator(".jp-Toolbar-kernelName"))

    def ready(self) -> Notebook:
        """Wait for the first cell and for an idle kernel; the light of one that has not begun says idle, too."""
        expect(self.panel.locator(".jp-Cell").first).to_be_visible()
        expect(self.toolbar.locator(".jp-Toolbar-kernelName")).to_contain_text("Python 3")
        expect(self.toolbar.locator(IDLE)).to_have_count(1)
        return self

    @property
    def code_cells(self) -> Locator:
        return self.panel.locator(".jp-CodeCell")

    def run(self, code: str, cell: int = 0) -> Locator:
        """Put other code into a code cell and run it by keyboard; the cell."""
        chosen = self.code_cells.nth(cell)
        chosen.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")
        return chosen

    def run_all(self) -> None:
        """Run every cell through the menu."""
        self.within.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
        self.within.locator(".lm-Menu-itemLabel").filter(has_text="Run All Cells").first.click()

    def save(self) -> None:
        self.page.keyboard.press("Control+s")


def output(cell: Locator) -> Locator:
    return cell.locator(".jp-OutputArea-output").first
