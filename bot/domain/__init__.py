"""What Assay is about: values and decisions. Standard library only; nothing here acts."""
