"""Pages of one height behind a row of tabs."""

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.window.widgets.button import KeyButton
from app.window.widgets.group import discard


class TabPanel(QFrame):
    """Pages of one height behind a row of tabs; a tab can carry a summary of its page."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._tabs: dict[str, KeyButton] = {}
        self._pages: dict[str, QWidget] = {}
        self._stack = QStackedWidget()
        self._corners: dict[str, QWidget] = {}
        self._row = QHBoxLayout()
        self._row.setSpacing(6)
        self._row.addStretch(1)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 6, 12, 6)
        self._layout.setSpacing(5)
        self._layout.addLayout(self._row)
        self._layout.addWidget(self._stack, 1)

    @property
    def tabs(self) -> dict[str, KeyButton]:
        """The tabs by name."""
        return self._tabs

    def add_page(self, name: str, page: QWidget, tip: str) -> None:
        """Add a page at the end."""
        tab = KeyButton(f"tab.{name}", name, "", tip, colour="playing", toggle=True)
        tab.setFixedHeight(28)
        tab.edited.connect(lambda *_: self.open(name))
        self._tabs[name], self._pages[name] = tab, page
        self._row.insertWidget(len(self._tabs) - 1, tab)
        self._stack.addWidget(page)
        if len(self._pages) == 1:
            self.open(name)

    def set_corner(self, name: str, corner: QWidget) -> None:
        """Show something at the right end of the tabs while a page is open."""
        self._corners[name] = corner
        self._row.addWidget(corner)

    def take_page(self, name: str) -> QWidget:
        """Remove a page and return it."""
        tab, page = self._tabs.pop(name), self._pages.pop(name)
        was_open = self._stack.currentWidget() is page
        self._row.removeWidget(tab)
        discard(tab)
        self._stack.removeWidget(page)
        if was_open and self._pages:
            self.open(next(iter(self._pages)))
        return page

    def open(self, name: str) -> None:
        """Show a page."""
        self._stack.setCurrentWidget(self._pages[name])
        for each, tab in self._tabs.items():
            tab.setChecked(each == name)
        for each, corner in self._corners.items():
            corner.setVisible(each == name)
