"""Tell the stories: what happens, in which order, without touching a system themselves."""
