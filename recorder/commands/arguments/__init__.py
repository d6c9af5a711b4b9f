"""What commands share of their arguments: parsing, the choices for videos, opening what they name."""
