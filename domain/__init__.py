"""The words all rooms share: quantity, unit, tag, sample, quality, machine, shift, alert. Standard library only."""
