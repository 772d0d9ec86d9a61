/// A value representation (PS3.5 §6.2). The raw value is its two letters as they stand in Explicit VR.
package enum VR: UInt16, Sendable, CaseIterable {
    case AE = 0x4145
    case AS = 0x4153
    case AT = 0x4154
    case CS = 0x4353
    case DA = 0x4441
    case DS = 0x4453
    case DT = 0x4454
    case FD = 0x4644
    case FL = 0x464C
    case IS = 0x4953
    case LO = 0x4C4F
    case LT = 0x4C54
    case OB = 0x4F42
    case OD = 0x4F44
    case OF = 0x4F46
    case OL = 0x4F4C
    case OV = 0x4F56
    case OW = 0x4F57
    case PN = 0x504E
    case SH = 0x5348
    case SL = 0x534C
    case SQ = 0x5351
    case SS = 0x5353
    case ST = 0x5354
    case SV = 0x5356
    case TM = 0x544D
    case UC = 0x5543
    case UI = 0x5549
    case UL = 0x554C
    case UN = 0x554E
    case UR = 0x5552
    case US = 0x5553
    case UT = 0x5554
    case UV = 0x5556

    /// The two letters.
    package var name: String { String(decoding: [UInt8(rawValue >> 8), UInt8(rawValue & 0xFF)], as: UTF8.self) }

    /// Explicit VR: two reserved bytes and a 32-bit length (PS3.5 §7.1.2, Table 7.1-1).
    var hasLongLength: Bool {
        switch self {
        case .OB, .OD, .OF, .OL, .OV, .OW, .SQ, .SV, .UC, .UN, .UR, .UT, .UV: true
        default: false
        }
    }

    /// Its values are text, of whatever repertoire.
    package var isText: Bool {
        switch self {
        case .AE, .AS, .CS, .DA, .DS, .DT, .IS, .TM, .UI, .UR: true
        default: usesSpecificCharacterSet
        }
    }

    /// A backslash separates values; in LT, ST, UT and UR it is a character (PS3.5 §6.4).
    package var isMultiValued: Bool {
        switch self {
        case .LT, .ST, .UT, .UR: false
        default: isText
        }
    }

    /// What makes an odd length even: UI pads with NUL (PS3.5 §9.1), text with a space.
    var padding: UInt8 { isText && self != .UI ? 0x20 : 0x00 }
}
