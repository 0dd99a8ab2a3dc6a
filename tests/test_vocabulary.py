from faket.vocabulary import SHREC_BY_SIZE, SHREC_CLASSES, SHREC_PROTEINS


def test_shrec_s_numbers_and_sizes_name_the_same_proteins():
    assert sorted(SHREC_BY_SIZE) == sorted(SHREC_PROTEINS)
    assert SHREC_BY_SIZE[0] == "1S3X"  # 42 kDa
    assert SHREC_BY_SIZE[-3:] == ("4CR2", "5MRC", "4V94")
    assert SHREC_CLASSES.index("5MRC") + 1 == 13
    assert SHREC_CLASSES.index("fiducial") + 1 == 15
