"""A server that shows every part of our pages, with sample data, under the headers that they have in earnest."""
