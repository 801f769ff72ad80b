// Alpine's CSP build evaluates no globals, so what Unfold's templates name is registered here.
document.addEventListener("alpine:init", () => {
  for (const name of ["theme", "searchForm", "searchDropdown", "searchCommand"]) {
    Alpine.data(name, (...given) => window[name](...given));
  }
  Alpine.data("shell", (tab, hasTabs) => ({
    activeTab: tab,
    sidebarMobileOpen: false,
    filterOpen: false,
    sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
    init() {
      if (hasTabs) {
        this.activeTab = getCurrentTab() || tab;
      }
      this.$watch("sidebarDesktopOpen", (open) =>
        localStorage.setItem("sidebarDesktopOpen", open ? "1" : "0"),
      );
    },
  }));
});
