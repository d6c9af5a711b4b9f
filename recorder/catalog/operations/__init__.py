"""The catalog's operations, one module per table; ``Catalog`` inherits them."""
