"""Features of a frozen trunk: computed once, stored by content, shared by every trial that needs them."""
