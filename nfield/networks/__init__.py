"""Networks: features in, values out."""
