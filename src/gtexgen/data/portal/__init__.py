"""The GTEx portal: its releases and downloads that go on where they broke off."""
