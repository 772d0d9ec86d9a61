"""One small DICOM file per instance of a copy (no pixels), written byte for byte as a careless sender would."""

from pathlib import Path

from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from .enterprise import Copy, Study
from .facilities import institution

# Malformed values are part of the job: pydicom must neither refuse nor mend them.
config.settings.writing_validation_mode = config.IGNORE
config.settings.reading_validation_mode = config.IGNORE


def write(study: Study, copy: Copy, folder: Path) -> list[Path]:
    """The files of this copy, named by SOP Instance UID; the same study has the same UIDs at every source."""
    paths = []
    for series_number, (modality, count) in enumerate(copy.series, start=1):
        for instance_number in range(1, count + 1):
            dataset = Dataset()
            if copy.character_set:
                dataset.SpecificCharacterSet = copy.character_set.split("\\")
            dataset.SOPClassUID = SecondaryCaptureImageStorage
            dataset.SOPInstanceUID = f"{study.uid}.{series_number}.{instance_number}"
            dataset.StudyInstanceUID = study.uid
            dataset.SeriesInstanceUID = f"{study.uid}.{series_number}"
            dataset.Modality = modality
            dataset.SeriesNumber = series_number
            dataset.InstanceNumber = instance_number
            dataset.InstitutionName = institution(study.uid)
            for keyword, value in copy.values.items():
                if value is not None:
                    setattr(dataset, keyword, value)
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            path = folder / f"{dataset.SOPInstanceUID}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            paths.append(path)
    return paths
