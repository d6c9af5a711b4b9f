"""The operations of the catalog, one file for each table; ``Catalog`` inherits them."""
