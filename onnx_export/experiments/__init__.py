"""What a choice is worth: ablations of the flow, sources of the training, backbones."""
