"""The play page and the pages over it; each is made when it is first opened."""

from collections.abc import Callable, Mapping

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QStackedWidget, QWidget

from app.window.pages.page import Page
from app.window.pages.play import PlayPage
from engine.session.parameters import Table
from engine.session.snapshot import Snapshot


class PageStack(QStackedWidget):
    """Shows one page at a time.

    Signals:
        made: a page was opened for the first time; its fields are to be connected.
    """

    made = pyqtSignal()

    def __init__(
        self, table: Table, makers: Mapping[str, Callable[[], Page]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.play, self._makers = PlayPage(table, self), makers
        self._pages: dict[str, Page] = {}
        self.addWidget(self.play)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the pages, in the order of the menu."""
        return tuple(self._makers)

    @property
    def page(self) -> Page | None:
        """The page that is open; None while the play page is."""
        current = self.currentWidget()
        return current if isinstance(current, Page) else None

    def open(self, name: str) -> Page:
        """Show a page by name; KeyError if there is none."""
        if name not in self._pages:
            page = self._makers[name]()
            page.closed.connect(self.close_page)
            self._pages[name] = page
            self.addWidget(page)
            self.made.emit()
        self.setCurrentWidget(self._pages[name])
        return self._pages[name]

    def close_page(self) -> None:
        """Go back to the play page."""
        self.setCurrentWidget(self.play)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show the state on the page that is open."""
        if self.page is not None:
            self.page.show_state(snapshot)
